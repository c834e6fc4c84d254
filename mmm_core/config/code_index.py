"""What annotations in the code say: enough static typing to follow configuration sections through it."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from mmm_core.config.base import Section

_MAPS = {"dict", "Mapping", "MutableMapping"}
_SERIES = {"list", "set", "frozenset", "Sequence", "Iterable", "Iterator", "Generator"}
_NOT_INSTANCES = {"type", "Callable", "Literal"}


@dataclass(frozen=True)
class Instance:
    """An object of a class that is not a section."""

    qualified_name: str


@dataclass(frozen=True)
class Many:
    """A map's values, or the items of a series."""

    item: "Known | None"


@dataclass(frozen=True)
class Row:
    """A tuple with known places."""

    items: tuple["Known | None", ...]


Known: TypeAlias = type[Section] | Instance | Many | Row
"""What an expression is known to be."""


def of_annotation(annotation: Any) -> Known | None:
    """What a field of a section is, from its annotation at run time."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return of_annotation(inner[0])
    if origin in (Union, UnionType):
        return next((known for member in inner if (known := of_annotation(member))), None)
    if origin in (dict, tuple, list):
        item = of_annotation(inner[1] if origin is dict else inner[0])
        return Many(item) if item else None
    return None


@dataclass
class Module:
    """One parsed file."""

    name: str
    tree: ast.Module
    names: dict[str, str] = field(default_factory=dict)
    """Local name -> qualified name, for imports, classes and functions."""


@dataclass
class ClassFacts:
    """What a class says about its attributes."""

    module: Module
    node: ast.ClassDef
    attributes: dict[str, ast.expr] = field(default_factory=dict)
    """Attribute or property -> annotation."""
    methods: dict[str, ast.expr] = field(default_factory=dict)
    """Method -> annotation of what it returns."""
    assigned: dict[str, ast.expr] = field(default_factory=dict)
    """Attribute -> what `__init__` assigns to it."""
    parameters: dict[str, ast.expr | None] = field(default_factory=dict)
    """Parameter of `__init__` -> annotation."""


class CodeIndex:
    """All classes, functions and names of some packages, and the sections of a schema."""

    def __init__(self, packages: Mapping[str, Path], sections: Sequence[type[Section]]) -> None:
        """Parse every file below the folders in `packages` (package name -> folder)."""
        self.sections = {
            f"{base.__module__}.{base.__qualname__}": section
            for section in sections
            for base in section.__mro__
            if issubclass(base, Section) and base is not Section
        } | {f"{section.__module__}.{section.__qualname__}": section for section in sections}
        self.modules = {
            module.name: module for name, folder in packages.items() for module in _parse(name, folder)
        }
        self.classes: dict[str, ClassFacts] = {}
        self.functions: dict[str, tuple[Module, ast.expr | None]] = {}
        for module in self.modules.values():
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef):
                    self.classes[f"{module.name}.{node.name}"] = _class_facts(module, node)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.functions[f"{module.name}.{node.name}"] = (module, node.returns)

    def qualified(self, node: ast.expr, module: Module) -> str | None:
        """Qualified name of a plain or dotted name, followed through re-exports."""
        if isinstance(node, ast.Name):
            name = module.names.get(node.id)
        elif isinstance(node, ast.Attribute):
            outer = self.qualified(node.value, module)
            name = f"{outer}.{node.attr}" if outer else None
        else:
            return None
        while name and "." in name:
            package, _, member = name.rpartition(".")
            exporter = self.modules.get(package)
            further = exporter.names.get(member) if exporter else None
            if further is None or further == name:
                break
            name = further
        return name

    def instance_of(self, qualified_name: str | None) -> Known | None:
        """An object of the class of that name."""
        if qualified_name in self.sections:
            return self.sections[qualified_name]
        return Instance(qualified_name) if qualified_name in self.classes else None

    def annotated(self, node: ast.expr | None, module: Module) -> Known | None:
        """What something with this annotation is."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.annotated(_parsed(node.value), module)
        if isinstance(node, ast.BinOp):
            return self.annotated(node.left, module) or self.annotated(node.right, module)
        if isinstance(node, ast.Subscript):
            return self._subscripted(node, module)
        return self.instance_of(self.qualified(node, module)) if node is not None else None

    def _subscripted(self, node: ast.Subscript, module: Module) -> Known | None:
        outer = ast.unparse(node.value).rpartition(".")[2]
        inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer in _NOT_INSTANCES:
            return None
        if outer in _MAPS:
            return Many(self.annotated(inner[-1], module))
        if outer in _SERIES:
            return Many(self.annotated(inner[0], module))
        if outer == "tuple" and not any(isinstance(part, ast.Constant) and part.value is ... for part in inner):
            return Row(tuple(self.annotated(part, module) for part in inner))
        if outer == "tuple":
            return Many(self.annotated(inner[0], module))
        return self.annotated(inner[0], module)

    def attribute(self, owner: Instance, name: str) -> Known | None:
        """What an attribute or property of an object is."""
        for facts in self._with_bases(owner.qualified_name):
            if name in facts.attributes:
                return self.annotated(facts.attributes[name], facts.module)
            if name in facts.assigned:
                return self._in_init(facts.assigned[name], facts)
        return None

    def _in_init(self, node: ast.expr, facts: ClassFacts) -> Known | None:
        """What a parameter of `__init__`, or a chain of attributes of one, is."""
        if isinstance(node, ast.Name):
            return self.annotated(facts.parameters.get(node.id), facts.module)
        if isinstance(node, ast.Attribute):
            owner = self._in_init(node.value, facts)
            return self.member(owner, node.attr)
        return None

    def member(self, owner: Known | None, name: str) -> Known | None:
        """What `owner.name` is."""
        if isinstance(owner, type) and name in owner.model_fields:
            return of_annotation(owner.model_fields[name].annotation)
        return self.attribute(owner, name) if isinstance(owner, Instance) else None

    def returned(self, owner: Instance, method: str) -> Known | None:
        """What a method of an object returns."""
        for facts in self._with_bases(owner.qualified_name):
            if method in facts.methods:
                return self.annotated(facts.methods[method], facts.module)
        return None

    def _with_bases(self, qualified_name: str) -> Iterator[ClassFacts]:
        facts = self.classes.get(qualified_name)
        if facts is not None:
            yield facts
            for base in facts.node.bases:
                name = self.qualified(base, facts.module)
                if name is not None and name != qualified_name:
                    yield from self._with_bases(name)


def _parsed(annotation: str) -> ast.expr | None:
    try:
        return ast.parse(annotation, mode="eval").body
    except SyntaxError:  # text, not a quoted annotation
        return None


def _parse(package: str, folder: Path) -> Iterator[Module]:
    for path in sorted(folder.rglob("*.py")):
        parts = (package, *path.relative_to(folder).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        module = Module(name, ast.parse(path.read_text(encoding="utf-8"), str(path)))
        for node in ast.walk(module.tree):
            module.names.update(_imported(node, name if is_package else name.rpartition(".")[0]))
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                module.names[node.name] = f"{name}.{node.name}"
        yield module


def _imported(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ImportFrom):
        base = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level]) if node.level else ""
        source = ".".join(part for part in (base, node.module) if part)
        yield from ((alias.asname or alias.name, f"{source}.{alias.name}") for alias in node.names)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or name, name


def _class_facts(module: Module, node: ast.ClassDef) -> ClassFacts:
    facts = ClassFacts(module, node)
    for member in node.body:
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            facts.attributes[member.target.id] = member.annotation
        elif isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
            if member.name == "__init__":
                _note_init(member, facts)
            if member.returns is not None:
                decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in member.decorator_list}
                is_property = decorators & {"property", "cached_property"}
                (facts.attributes if is_property else facts.methods)[member.name] = member.returns
    return facts


def _note_init(init: ast.FunctionDef | ast.AsyncFunctionDef, facts: ClassFacts) -> None:
    """`self.x: X = ...`, `self.x = x.y` and `self.x, self.y = x, y`."""
    facts.parameters = {arg.arg: arg.annotation for arg in (*init.args.args, *init.args.kwonlyargs)}
    for node in ast.walk(init):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute):
            facts.attributes[node.target.attr] = node.annotation
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                facts.assigned.update(_assigned(target, node.value))


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Attribute):
        yield target.attr, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for inner_target, inner_value in zip(target.elts, value.elts, strict=False):
            yield from _assigned(inner_target, inner_value)
