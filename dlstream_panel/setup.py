from setuptools import find_packages, setup

package_name = "dlstream_panel"

setup(
    name=package_name,
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    package_data={package_name: ["py.typed", "web/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{package_name}"]),
        (f"share/{package_name}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    maintainer="dlstream maintainers",
    maintainer_email="maintainers@dlstream.invalid",
    description="The page of a dlstream rig: live pictures with poses, state, outputs and a stop button, in a browser.",
    license="BSD-3-Clause",
    extras_require={"test": ["pytest"]},
    entry_points={"console_scripts": ["panel = dlstream_panel.ros.node:main"]},
)
