"""The error family: a stable code and parameters; the text exists only at the edges (page, SMTP reply, command)."""


class EdmsError(Exception):
    """A refusal with a stable ``code`` such as ``registry.year-closed`` and the parameters its text needs."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code}({shown})" if shown else self.code


class NotFound(EdmsError):
    """What was asked for does not exist, or this actor may not know that it exists (the two answer alike)."""


class Forbidden(EdmsError):
    """The actor's roles do not allow this act at all."""


class Conflict(EdmsError):
    """The state has moved on since the caller looked (an older draft, a letter already issued)."""


class Invalid(EdmsError):
    """The input breaks a rule; ``problems`` lists every finding, each with its own code and place."""

    def __init__(self, code: str, problems: "tuple[Problem, ...]" = (), **params: object) -> None:
        super().__init__(code, **params)
        self.problems = problems


class Unavailable(EdmsError):
    """Our side cannot serve now (disk full, key store sealed); the same call may succeed later."""


class Problem:
    """One finding about the input: where (a field name or ``line 12``), a stable code, parameters of the text."""

    __slots__ = ("code", "params", "where")

    def __init__(self, where: str, code: str, **params: object) -> None:
        self.where = where
        self.code = code
        self.params = params

    def __repr__(self) -> str:
        return f"Problem({self.where!r}, {self.code!r}, {self.params!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and (self.where, self.code, self.params) == (
            other.where,
            other.code,
            other.params,
        )

    def __hash__(self) -> int:
        return hash((self.where, self.code))
