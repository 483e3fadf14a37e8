from setuptools import find_packages, setup

package_name = "dlstream_pose"

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
    description="Poses from frames: networks, their converter, the estimator and the node that serves every camera.",
    license="BSD-3-Clause",
    extras_require={"test": ["pytest"]},
    entry_points={
        "console_scripts": [
            "pose = dlstream_pose.ros.node:main",
            "convert = dlstream_pose.convert:main",
        ],
        "rclpy_components": ["dlstream_pose::PoseNode = dlstream_pose.ros.node:PoseNode"],
    },
)
