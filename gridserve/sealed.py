"""Columns that lie sealed in the database: code reads and writes what they mean.

A value is one byte for the cipher, four that name the key, for a telephone number the marks by
which it is found (its whole, then its end), and nonce, text and tag. All before the nonce, and the
name of the column, is bound to the text: nothing can be exchanged between columns.
"""

from __future__ import annotations

from typing import Any, TypeVar

from flask_babel import gettext as _
from sqlalchemy import CheckConstraint, ColumnElement, LargeBinary, TypeDecorator, literal_column
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import operators

from gridserve import sealing
from gridserve.errors import Unavailable
from gridserve.sealing import END, HEAD, WHOLE, DataKey, SealBroken

Value = TypeVar("Value", str, bytes)


class KeyUnknown(Unavailable):
    """Something lies sealed here for which this installation has no key."""

    code = "data.key_unknown"


class Sealed(TypeDecorator[Value]):
    """What all such columns share; `column` is table.column, to which the text is bound."""

    impl = LargeBinary
    marked = 0  # bytes of marks

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    def marks(self, value: Any, key: DataKey) -> bytes:
        """What lies open beside the text, so that it can be found."""
        return b""

    def seal(self, value: Value) -> bytes:
        """As it lies in the database; two of the same differ."""
        cipher, key = sealing.present()
        head = bytes([cipher]) + key.name + self.marks(value, key)
        data = value.encode() if isinstance(value, str) else value
        return head + key.seal(data, head + self.column.encode(), cipher)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; raises SealBroken."""
        key = sealing.data_keys().get(sealed[1:HEAD])
        if key is None:
            raise SealBroken(f"under the key {sealed[1:HEAD].hex()}, not in GRIDSERVE_DATA_KEY")
        end = HEAD + self.marked
        return key.open(sealed[end:], sealed[:end] + self.column.encode(), sealed[0])

    def process_bind_param(self, value: Value | None, dialect: Dialect) -> bytes | None:
        return None if value is None else self.seal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            return self.read(self.open(bytes(value)))
        except SealBroken as broken:
            words = _(
                "Some of what is stored cannot be read (%(where)s). Whoever runs the "
                "installation: gridserve keys check.",
                where=f"{self.column}: {broken}",
            )
            raise KeyUnknown(words) from broken

    def read(self, data: bytes) -> Any:
        """From bytes to what code works with."""
        return data

    class Comparator(TypeDecorator.Comparator[Any]):
        """No value is looked for: what is sealed twice is never equal."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            if op not in (operators.is_, operators.is_not) and not all(
                isinstance(each, ColumnElement) for each in other
            ):
                raise TypeError("a sealed column is found by its marks: gridserve/sealed.py")
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator


class SealedBytes(Sealed[bytes]):
    """Bytes, such as a file."""

    cache_ok = True


class SealedText(Sealed[str]):
    """Text that nobody looks for."""

    cache_ok = True

    def read(self, data: bytes) -> str:
        return data.decode()


class SealedPhone(SealedText):
    """A telephone number; it is found whole, or by its last four digits (docs/decisions/0042)."""

    cache_ok = True
    marked = WHOLE + END

    def marks(self, value: str, key: DataKey) -> bytes:
        return key.whole(value) + key.end(value)


def is_sealed_phone(column: str) -> CheckConstraint:
    """The database takes nothing else: what writes there by itself cannot forget to seal."""
    return CheckConstraint(
        f"get_byte({column}, 0) IN (1, 2) AND octet_length({column}) BETWEEN 45 AND 125",
        name=f"{column}_sealed",
    )


def part(column: str, first: int, size: int) -> ColumnElement[bytes]:
    """Bytes of a sealed column as they lie, `first` from 1; spelt as the indexes have it."""
    return literal_column(f"substring({column} from {first} for {size})", LargeBinary)


def whole_mark(column: str) -> ColumnElement[bytes]:
    """By which a number is found whole; `column` is the SQL of it."""
    return part(column, HEAD + 1, WHOLE)


def end_mark(column: str) -> ColumnElement[bytes]:
    """By which it is found by its end."""
    return part(column, HEAD + WHOLE + 1, END)
