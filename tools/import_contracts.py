"""A contract for import-linter: no module imports itself by way of others."""

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
