from setuptools import find_packages, setup

package_name = "dlstream_recorder"

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={package_name: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    maintainer="dlstream maintainers",
    maintainer_email="maintainers@dlstream.invalid",
    description="Sessions of dlstream: crash-safe video, tables, bag and summary, and the node that records them.",
    license="BSD-3-Clause",
    extras_require={"test": ["pytest"]},
    entry_points={
        "console_scripts": ["recorder = dlstream_recorder.ros.node:main"],
        "rclpy_components": ["dlstream_recorder::RecorderNode = dlstream_recorder.ros.node:RecorderNode"],
    },
)
