"""Contracts for import-linter: no circles, private modules stay private, and only named modules import ROS."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.application.contract_utils import AlertLevel, remove_ignored_imports


class NoCircles(Contract):
    """Every module can be read after those that it imports, packages (`__init__.py`) and their modules included.

    import-linter's own `acyclic_siblings` looks at folders as a whole; it doesn't see a module that imports from the
    `__init__.py` above it, which imports that module in turn.
    """

    type_name = "no_circles"

    ignore_imports = fields.SetField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Looks for a circle."""
        warnings = remove_ignored_imports(graph, self.ignore_imports, AlertLevel.ERROR)
        imports = {module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)}
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            return ContractCheck(kept=False, warnings=warnings, metadata={"circle": list(reversed(error.args[1]))})
        return ContractCheck(kept=True, warnings=warnings)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Shows one circle: each module imports the one below it."""
        output.print_error("These modules import one another in a circle; move what they share into a module below:")
        for module in check.metadata["circle"]:
            output.print_error(f"    {module}")


class PrivateToPackage(Contract):
    """A module whose name begins with _ is imported by its own package only, so that it may change with it."""

    type_name = "private_to_package"

    ignore_imports = fields.SetField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Looks at every import of a private module."""
        warnings = remove_ignored_imports(graph, self.ignore_imports, AlertLevel.ERROR)
        found = [
            (importer, module)
            for module in sorted(graph.modules)
            if _is_private(module)
            for importer in sorted(graph.find_modules_that_directly_import(module))
            if importer.partition(".")[0] != module.partition(".")[0]
        ]
        return ContractCheck(kept=not found, warnings=warnings, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Shows each import."""
        output.print_error("These modules import a private one of another package; make public there what they need:")
        for importer, module in check.metadata["found"]:
            output.print_error(f"    {importer} imports {module}")


class RosOnlyIn(Contract):
    """Only these modules import ROS, directly or by way of others, also inside of functions; each new one must not.

    Attributes:
        modules: those that may, with everything below them.
        ros: packages of ROS.
    """

    type_name = "ros_only_in"

    modules = fields.ListField(subfield=fields.StringField())
    ros = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Looks at every module that reaches ROS."""
        found = {}
        for package in sorted(set(self.ros) & graph.modules):
            for module in sorted(graph.find_downstream_modules(package)):
                if not any(f"{module}.".startswith(f"{name}.") for name in self.modules):
                    found.setdefault(module, graph.find_shortest_chain(importer=module, imported=package))
        gone = [name for name in self.modules if name not in graph.modules]
        return ContractCheck(kept=not found and not gone, metadata={"found": found, "gone": gone})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Shows the modules from which the others have it, each with its way to ROS."""
        found = check.metadata["found"]
        output.print_error("These modules import ROS, which only those of the contract may:")
        for chain in found.values():
            if chain[1] not in found:
                output.print_error(f"    {' -> '.join(chain)}")
        for name in check.metadata["gone"]:
            output.print_error(f"    {name}: there is no such module any more")


def _is_private(module: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in module.split(".")[1:])
