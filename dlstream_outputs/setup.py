from setuptools import find_packages, setup

package_name = "dlstream_outputs"

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
    description="Outputs of dlstream: devices that an experiment commands, and the node of each.",
    license="BSD-3-Clause",
    extras_require={"test": ["pytest"]},
    entry_points={
        "console_scripts": [
            f"input = {package_name}.inputs.node:main",
            f"output = {package_name}.node:main",
            f"screen = {package_name}.node:screen",
        ],
        "rclpy_components": [
            f"{package_name}::InputNode = {package_name}.inputs.node:InputNode",
            f"{package_name}::OutputNode = {package_name}.node:OutputNode",
        ],
    },
)
