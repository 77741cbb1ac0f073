"""One request from text to answer: parse, guard, validate, read at one sequence, price."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, NamedTuple

import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    MaxIntrospectionDepthRule,
    NoSchemaIntrospectionCustomRule,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql import execute_sync as execute_core

from cmdb.errors import CmdbError
from cmdb_graphql.charge import charge
from cmdb_graphql.context import Estate, Reading
from cmdb_graphql.errors import Moved, Refused, described
from cmdb_graphql.guard import Guard, Limits, Measured, operation_of, too_deep, with_defaults
from cmdb_graphql.plain import PlainExecutor
from cmdb_graphql.schema import core_schema, prices

log = structlog.get_logger(__name__)
ATTEMPTS = 4  # reads before the writers of this process are asked to wait
CACHED_DOCUMENTS, CACHED_CHARACTERS = 512, 16_384  # larger documents are not worth the memory


class Question(NamedTuple):
    """A GraphQL request, types checked."""

    query: str
    variables: Mapping[str, Any] = {}
    operation_name: str | None = None


class Checked(NamedTuple):
    """A parsed document and what validation says of it."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]


class Executor:
    """Answers questions on one estate, from any thread; nothing outlives a request but parsed documents."""

    def __init__(
        self, estate: Estate, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.estate, self.limits, self.clock = estate, limits or Limits(), clock
        self.schema = core_schema()
        self.guard = Guard(prices(), self.limits)
        self.rules = (*specified_rules, MaxIntrospectionDepthRule)
        if not self.limits.introspection:
            self.rules = (*self.rules, NoSchemaIntrospectionCustomRule)
        self.parse = lru_cache(CACHED_DOCUMENTS)(self._parse)
        self.validate = lru_cache(CACHED_DOCUMENTS)(self._validate)

    def answer(self, question: Question) -> dict[str, Any]:
        """The answer as it goes out: `data`, `errors` with codes, `extensions.cost`. Blocks; never raises CmdbError."""
        requested: float | None = None
        try:
            document = self._document(question.query)
            operation = operation_of(document, question.operation_name)
            variables = with_defaults(operation, question.variables)
            measured = self.guard.check(document, operation, variables)
            requested = measured.cost
            small = len(question.query) <= CACHED_CHARACTERS
            errors = self.validate(question.query) if small else self._validate(question.query)
            if errors:
                return self._refused(list(errors), requested)
            is_write = operation.operation is OperationType.MUTATION
            result = (self._write if is_write else self._execute)(document, question)
        except GraphQLError as error:
            return self._refused([error], requested)
        except CmdbError as error:
            return self._refused([GraphQLError(str(error), original_error=error)], requested)
        if result.errors:
            return self._refused(result.errors, requested)
        spent = charge(prices(), document, operation, variables, result.data)
        return {"data": result.data, "extensions": {"cost": self._cost(measured, spent)}}

    def _document(self, query: str) -> DocumentNode:
        return self.parse(query) if len(query) <= CACHED_CHARACTERS else self._parse(query)

    def _parse(self, query: str) -> DocumentNode:
        most = self.limits.tokens
        try:
            return parse(query, max_tokens=most)
        except RecursionError:
            raise too_deep(self.limits) from None
        except GraphQLError as error:
            if "nested too deeply" in error.message:
                raise too_deep(self.limits) from None
            if "token" in error.message and str(most) in error.message:
                text = f"documentTokens: at most {most:,} tokens fit, and the document has more; split it"
                raise Refused(text, limit="documentTokens", maximum=most) from None
            raise

    def _validate(self, query: str) -> tuple[GraphQLError, ...]:
        hide = not self.limits.introspection
        return tuple(validate(self.schema, self._document(query), self.rules, max_errors=20, hide_suggestions=hide))

    def _write(self, document: DocumentNode, question: Question) -> ExecutionResult:
        """Execute once: what was written must not be written again, whoever else writes meanwhile."""
        reading = Reading(self.estate, self.limits, self.clock() + self.limits.timeout_s, self.clock)
        return self._run(document, question, reading)

    def _run(self, document: DocumentNode, question: Question, reading: Reading) -> ExecutionResult:
        result = execute_core(
            self.schema,
            document,
            variable_values=dict(question.variables),
            operation_name=question.operation_name,
            context_value=reading,
            executor_class=PlainExecutor,
        )
        assert isinstance(result, ExecutionResult)  # noqa: S101 - no resolver is async
        return result

    def _execute(self, document: DocumentNode, question: Question) -> ExecutionResult:
        """Execute, again if a commit came in between, so that one answer never shows two sequences."""
        deadline = self.clock() + self.limits.timeout_s
        for attempt in range(ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            with self.estate.hold() if last else nullcontext():
                reading = Reading(self.estate, self.limits, deadline, self.clock)
                result = self._run(document, question, reading)
                try:
                    reading.settle()
                except Moved:
                    if last:
                        raise
                    continue
                if last or not any(isinstance(_root(e), Moved) for e in result.errors or ()):
                    return result
        raise AssertionError("unreachable")

    def _refused(self, errors: list[GraphQLError], requested: float | None) -> dict[str, Any]:
        cost = self._cost(Measured(requested or 0.0), 0.0)
        return {"data": None, "errors": [described(e) for e in errors[:20]], "extensions": {"cost": cost}}

    def _cost(self, measured: Measured, spent: float) -> dict[str, int]:
        return {"requested": math.ceil(measured.cost), "actual": math.ceil(spent), "limit": self.limits.cost}


def _root(error: BaseException | None) -> BaseException | None:
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error
