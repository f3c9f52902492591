"""The tables of words: what `words` needs of an index, once for each kind of text in it."""

from __future__ import annotations

Text = tuple[int, str, str]  # (id, title, body)


def tables(prefix: str = "") -> tuple[str, ...]:
    """The tables of the words with this prefix that hold rows."""
    return tuple(prefix + table for table in ("segment", "page", "sequence", "removed"))


def schema(prefix: str = "") -> str:
    """What makes the tables of the words with this prefix."""
    return f"""
    create table {prefix}segment (
        id integer primary key autoincrement, first integer not null, last integer not null, living integer not null,
        removed integer not null, firsts blob not null, pages blob not null, rows blob not null, ids blob not null,
        sizes blob not null
    );
    create table {prefix}page (id integer primary key autoincrement, postings blob not null);
    create table {prefix}sequence (row integer primary key, tokens blob not null);
    create table {prefix}removed (serial integer primary key autoincrement, row integer not null);
    create table {prefix}words (generation integer, next integer, living integer, tokens integer);
    insert into {prefix}words values ($born, 0, 0, 0);
"""
