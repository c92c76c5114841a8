"""Walks Python sources for every problem that they can make: which fields, and which codes, can reach `Problem(...)`.

It follows constants through names, parameters, returned values and fields of tuples, without running anything. Where it
cannot tell two paths apart it takes both: it may name a problem that never comes, and misses none of those it follows.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

Function = ast.FunctionDef | ast.Lambda


class Place(NamedTuple):
    """Where an expression stands: its module, and the function around it, if there is one."""

    module: str
    function: Function | None


Seen = set[tuple[int, Place]]


class Walk:
    """Everything that is defined, assigned, returned and called in `sources` (a module's name and its text)."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.functions: dict[str, list[tuple[Place, ast.FunctionDef]]] = defaultdict(list)
        self.calls: dict[str, list[tuple[Place, ast.Call]]] = defaultdict(list)
        self.fields: dict[str, list[str]] = {}
        self.assigned: dict[tuple[Place, str], list[ast.expr]] = defaultdict(list)
        self.returned: dict[Function, list[ast.expr]] = defaultdict(list)
        self.strays: list[str] = []
        for module, text in sources.items():
            self._read(ast.parse(text), Place(module, None))

    def problems(self) -> set[tuple[str, str]]:
        """Every field with every code that may come with it."""
        return {
            (field, code)
            for place, call in self.calls["Problem"]
            if len(call.args) > 1
            for field in self._texts(call.args[0], place)
            for code in self._texts(call.args[1], place)
        }

    def _stray(self, node: ast.AST, parent: ast.AST) -> bool:
        """Whether `Problem` is used in a way that the walk cannot follow: under another name, or as a value."""
        if isinstance(node, ast.alias):
            return node.name == "Problem" and node.asname not in (None, "Problem")
        if isinstance(node, ast.Call) and _name(node) == "Problem":
            return len(node.args) < 2 or any(isinstance(argument, ast.Starred) for argument in node.args[:2])
        named = isinstance(node, ast.Name) and node.id == "Problem"
        if isinstance(parent, ast.Call):
            return named and node is not parent.func and _name(parent) != "isinstance"
        return named and isinstance(parent, ast.Assign | ast.NamedExpr | ast.Return | ast.keyword)

    def _read(self, node: ast.AST, place: Place) -> None:
        for child in ast.iter_child_nodes(node):
            if self._stray(child, node):
                self.strays.append(f"{place.module}: {ast.unparse(node)}")
            self._note(child, place)
            inside = Place(place.module, child) if isinstance(child, ast.FunctionDef | ast.Lambda) else place
            self._read(child, inside)

    def _note(self, node: ast.AST, place: Place) -> None:
        match node:
            case ast.FunctionDef():
                self.functions[node.name].append((place, node))
            case ast.ClassDef():
                parts = [part.target for part in node.body if isinstance(part, ast.AnnAssign)]
                self.fields[node.name] = [part.id for part in parts if isinstance(part, ast.Name)]
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                self.calls[name].append((place, node))
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                self._return(value, place)
            case ast.Assign(targets=[target], value=value) | ast.NamedExpr(target=target, value=value):
                self._assign(target, value, place)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value, place)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._assign(target, value, place, each=True)

    def _return(self, value: ast.expr, place: Place) -> None:
        if place.function is not None:
            self.returned[place.function].append(value)

    def _assign(self, target: ast.expr, value: ast.expr, place: Place, *, each: bool = False) -> None:
        """A name is given a value; the names of a tuple its elements; in a loop, each element of the value."""
        if isinstance(target, ast.Name):
            self.assigned[place, target.id].append(ast.Starred(value) if each else value)
        for index, part in enumerate(target.elts if isinstance(target, ast.Tuple) else ()):
            element = ast.Subscript(ast.Starred(value) if each else value, ast.Constant(index))
            self._assign(part, element, place)

    def _texts(self, node: ast.expr, place: Place) -> set[str]:
        ends = (end for _, end in self._ends(node, place, set()))
        return {end.value for end in ends if isinstance(end, ast.Constant) and isinstance(end.value, str)}

    def _ends(self, node: ast.expr, place: Place, seen: Seen) -> Iterator[tuple[Place, ast.expr]]:
        """The constants, tuples and calls of our classes that an expression may come down to."""
        if (id(node), place) in seen:
            return
        seen.add((id(node), place))
        if isinstance(node, ast.Constant | ast.Tuple | ast.List) or _name(node) in self.fields:
            yield place, node
        for at, source in self._sources(node, place, seen):
            yield from self._ends(source, at, seen)

    def _sources(self, node: ast.expr, place: Place, seen: Seen) -> Iterator[tuple[Place, ast.expr]]:
        """The expressions that give `node` its value, each with its place."""
        match node:
            case ast.IfExp():
                yield from ((place, one) for one in (node.body, node.orelse))
            case ast.BoolOp(values=parts):
                yield from ((place, one) for one in parts)
            case ast.NamedExpr(value=one) | ast.GeneratorExp(elt=one) | ast.ListComp(elt=one):
                yield place, one
            case ast.Starred(value=many):
                yield from self._elements(many, place, seen)
            case ast.Subscript(value=whole, slice=ast.Constant(value=int(index))):
                yield from self._elements(whole, place, seen, index)
            case ast.Attribute(value=owner, attr=field):
                yield from self._of_field(owner, field, place, seen)
            case ast.Name():
                yield from self._of_name(node.id, place)
            case ast.Call():
                yield from self._of_call(node, place)

    def _elements(
        self, node: ast.expr, place: Place, seen: Seen, index: int | None = None
    ) -> Iterator[tuple[Place, ast.expr]]:
        """The element at `index` of every tuple that `node` may be, or all of them; of a generator what it yields."""
        for at, end in self._ends(node, place, seen.copy()):
            if not isinstance(end, ast.Tuple | ast.List):
                yield at, end
            else:
                yield from ((at, one) for one in (end.elts if index is None else end.elts[index : index + 1]))

    def _of_name(self, name: str, place: Place) -> Iterator[tuple[Place, ast.expr]]:
        for at in (place, Place(place.module, None)):
            yield from ((at, value) for value in self.assigned.get((at, name), []))
        if isinstance(place.function, ast.FunctionDef):
            yield from self._of_parameter(name, place.function, place.module)

    def _of_parameter(self, name: str, function: ast.FunctionDef, module: str) -> Iterator[tuple[Place, ast.expr]]:
        """What the calls of a function give a parameter, and what it is when they give nothing."""
        given = function.args
        names = [argument.arg for argument in given.args]
        by_keyword = zip((argument.arg for argument in given.kwonlyargs), given.kw_defaults, strict=True)
        by_place = zip(reversed(names), reversed(given.defaults), strict=False)
        for own, default in (*by_keyword, *by_place):
            if own == name and default is not None:
                yield Place(module, None), default
        position = names.index(name) - (names[0] in ("self", "cls")) if name in names else None
        for at, call in self.calls[function.name]:
            if at.module == module or not function.name.startswith("_"):
                yield from ((at, keyword.value) for keyword in call.keywords if keyword.arg == name)
                yield from ((at, call.args[i]) for i in range(len(call.args)) if i == position)

    def _of_field(self, owner: ast.expr, field: str, place: Place, seen: Seen) -> Iterator[tuple[Place, ast.expr]]:
        """What the tuples with fields that `owner` may be were made with."""
        for at, end in self._ends(owner, place, seen.copy()):
            fields = self.fields.get(_name(end), [])
            if isinstance(end, ast.Call) and field in fields:
                position = fields.index(field)
                yield from ((at, argument) for argument in end.args[position : position + 1])
                yield from ((at, keyword.value) for keyword in end.keywords if keyword.arg == field)

    def _of_call(self, call: ast.Call, place: Place) -> Iterator[tuple[Place, ast.expr]]:
        """What a function of ours returns; what another function is given."""
        named = self.functions.get(_name(call), [])
        mine = [(at, function) for at, function in named if at.module == place.module]
        for at, function in mine or named:
            yield from ((Place(at.module, function), value) for value in self.returned[function])
        if not named and _name(call) not in self.fields:
            yield from ((place, argument) for argument in call.args)


def _name(node: ast.expr) -> str:
    """The name that is called; empty for what is no call of a name."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
    return ""


def sentences_missing(problems: Iterable[tuple[str, str]], keys: Iterable[str]) -> set[tuple[str, str]]:
    """The problems for which catalogs with these keys have no sentence of their own, but "check this field" at best."""
    known = set(keys)
    wanted = ((field, code, (f"problem.{field}.{code}", f"problem.{code}")) for field, code in problems)
    return {(field, code) for field, code, own in wanted if not known.intersection(own)}
