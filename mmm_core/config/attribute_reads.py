"""Which keys of which sections the code reads.

Every expression is followed by type: a parameter or attribute annotated with a section, what a function
is annotated to return, what is assigned from those.  A read counts only where the object in front of
the dot is known to be that section, so `posterior.data.controls` is no read of `data.controls`, and a
section that is dumped as a whole reads nothing.
"""

import ast
from collections.abc import Iterable

from mmm_core.config.base import Section
from mmm_core.config.code_index import CodeIndex, Instance, Known, Many, Module, Row

Read = tuple[type[Section], str]
_SAME_KIND = {"sorted", "list", "tuple", "set", "frozenset", "reversed", "iter", "replace"}
_ONE_OF = {"next", "max", "min"}


def reads_in(module: Module, index: CodeIndex) -> set[Read]:
    """Keys read in one module, as (section, key)."""
    reader = _Reader(module, index, {})
    reader.run(module.tree.body)
    return reader.reads


class _Reader:
    """Follows one scope, statement by statement."""

    def __init__(self, module: Module, index: CodeIndex, names: dict[str, Known | None]) -> None:
        self.module = module
        self.index = index
        self.names = names
        """Variables of this and the enclosing scopes; None hides a name."""
        self.reads: set[Read] = set()

    def run(self, statements: Iterable[ast.stmt], owner: Instance | None = None) -> None:
        """Follow statements; `owner` is `self` for the functions among them."""
        for statement in statements:
            self._statement(statement, owner)

    def _statement(self, node: ast.stmt, owner: Instance | None) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node, owner)
        elif isinstance(node, ast.ClassDef):
            self.run(node.body, Instance(f"{self.module.name}.{node.name}"))
        elif isinstance(node, ast.Assign):
            known = self.type_of(node.value)
            for target in node.targets:
                self._bind(target, known)
        elif isinstance(node, ast.AnnAssign):
            known = self.type_of(node.value) if node.value else None
            self._bind(node.target, self.index.annotated(node.annotation, self.module) or known)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._bind(node.target, _item(self.type_of(node.iter)))
            self.run([*node.body, *node.orelse], owner)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                known = self.type_of(item.context_expr)
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, _item(known) if isinstance(known, Many) else known)
            self.run(node.body, owner)
        else:
            self._children(node, owner)

    def _children(self, node: ast.AST, owner: Instance | None = None) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self._statement(child, owner)
            elif isinstance(child, ast.expr):
                self.type_of(child)
            else:
                self._children(child, owner)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: Instance | None) -> None:
        arguments = node.args
        scope = dict(self.names)
        for place, argument in enumerate([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]):
            is_self = owner is not None and place == 0 and argument.annotation is None
            scope[argument.arg] = owner if is_self else self.index.annotated(argument.annotation, self.module)
        self._in_scope(scope, node.body)
        for default in (*arguments.defaults, *arguments.kw_defaults, *node.decorator_list):
            if default is not None:
                self.type_of(default)

    def _in_scope(self, names: dict[str, Known | None], body: Iterable[ast.stmt]) -> None:
        inner = _Reader(self.module, self.index, names)
        inner.run(body)
        self.reads |= inner.reads

    def _bind(self, target: ast.expr, known: Known | None) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = known
        elif isinstance(target, ast.Tuple | ast.List):
            items: Iterable[Known | None] = known.items if isinstance(known, Row) else ()
            types = [*items, *[_item(known)] * len(target.elts)]
            for element, item in zip(target.elts, types, strict=False):
                self._bind(element, item)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None)
        else:
            self._children(target)

    def type_of(self, node: ast.expr) -> Known | None:
        """What an expression is known to be; notes the reads inside it."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.NamedExpr):
            known = self.type_of(node.value)
            self._bind(node.target, known)
            return known
        if isinstance(node, ast.Tuple):
            return Row(tuple(self.type_of(element) for element in node.elts))
        if isinstance(node, ast.BoolOp | ast.IfExp):
            return self._either(node)
        if isinstance(node, ast.Lambda):
            hidden = dict.fromkeys((argument.arg for argument in node.args.args), None)
            self._in_scope({**self.names, **hidden}, [ast.Expr(node.body)])
            return None
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self._comprehension(node)
        self._children(node)
        return None

    def _attribute(self, node: ast.Attribute) -> Known | None:
        owner = self.type_of(node.value)
        if isinstance(owner, type) and node.attr in owner.model_fields:
            self.reads.add((owner, node.attr))
        return self.index.member(owner, node.attr)

    def _call(self, node: ast.Call) -> Known | None:
        arguments = [self.type_of(argument) for argument in node.args]
        for keyword in node.keywords:
            self.type_of(keyword.value)
        first = arguments[0] if arguments else None
        name = self.index.qualified(node.func, self.module)
        if name in self.index.functions:
            module, returns = self.index.functions[name]
            return self.index.annotated(returns, module)
        if made := self.index.instance_of(name):
            return made
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if called in _SAME_KIND:
            return first
        if called in _ONE_OF:
            return _item(first)
        if called == "enumerate":
            return Many(Row((None, _item(first))))
        if called == "zip":
            return Many(Row(tuple(_item(argument) for argument in arguments)))
        return self._method(node.func) if isinstance(node.func, ast.Attribute) else None

    def _method(self, function: ast.Attribute) -> Known | None:
        owner = self.type_of(function.value)
        if isinstance(owner, Instance):
            return self.index.returned(owner, function.attr)
        if isinstance(owner, Many):
            shapes = {"items": Many(Row((None, owner.item))), "values": owner, "get": owner.item}
            return shapes.get(function.attr)
        return owner if function.attr in ("model_copy", "copy") else None

    def _subscript(self, node: ast.Subscript) -> Known | None:
        owner = self.type_of(node.value)
        self.type_of(node.slice)
        if isinstance(owner, Row):
            place = node.slice.value if isinstance(node.slice, ast.Constant) else None
            known = isinstance(place, int) and place < len(owner.items)
            return owner.items[place] if known and isinstance(place, int) else None
        return _item(owner)

    def _either(self, node: ast.BoolOp | ast.IfExp) -> Known | None:
        if isinstance(node, ast.IfExp):
            self.type_of(node.test)
            values = [node.body, node.orelse]
        else:
            values = node.values
        types = [self.type_of(value) for value in values]
        return next((known for known in types if known is not None), None)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Known:
        inner = _Reader(self.module, self.index, dict(self.names))
        for generator in node.generators:
            inner._bind(generator.target, _item(inner.type_of(generator.iter)))
            for condition in generator.ifs:
                inner.type_of(condition)
        if isinstance(node, ast.DictComp):
            inner.type_of(node.key)
        item = inner.type_of(node.value if isinstance(node, ast.DictComp) else node.elt)
        self.reads |= inner.reads
        return Many(item)


def _item(known: Known | None) -> Known | None:
    return known.item if isinstance(known, Many) else None
