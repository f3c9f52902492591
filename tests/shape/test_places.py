"""Erasing reaches everything: each kind of record and each text column is in its registry, or said to hold no text."""

from sqlalchemy import Text

from batos.image.loading import ADMITTED
from batos.runtime.places import COLUMNS, COLUMNS_WITHOUT_TEXT, RECORDS, RECORDS_WITHOUT_TEXT, VALUES
from batos.runtime.schema import metadata


def test_every_admitted_class_is_in_the_registry_once():
    assert {*RECORDS, *RECORDS_WITHOUT_TEXT, *VALUES} == ADMITTED
    assert not RECORDS.keys() & (RECORDS_WITHOUT_TEXT | VALUES)


def test_every_text_column_of_the_mission_database_is_in_the_registry_once():
    columns = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Text)
    }
    named = {f"{column.table}.{column.name}" for column in COLUMNS}

    assert named | COLUMNS_WITHOUT_TEXT == columns
    assert not named & COLUMNS_WITHOUT_TEXT
