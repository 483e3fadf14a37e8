from setuptools import find_packages, setup

package_name = "dlstream_experiment"

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
    description="Experiments on poses: triggers, protocols, and the experiment node.",
    license="BSD-3-Clause",
    extras_require={"test": ["pytest"]},
    entry_points={
        "console_scripts": [
            f"experiment = {package_name}.ros.node:main",
        ],
        "rclpy_components": [f"{package_name}::ExperimentNode = {package_name}.ros.node:ExperimentNode"],
    },
)
