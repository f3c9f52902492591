"""The kit in a process of its own, off screen: importing Kivy opens a window, which tests do not want in theirs."""

import json
import os
import subprocess
import sys

import pytest

from batos.workbench.launcher import KIVY
from ui.machine import needs_a_screen

pytestmark = needs_a_screen


def seen_by_the_kit(tmp_path, *lines):
    """The value of `seen` after these lines, which may use everything of the kit."""
    program = "\n".join(("import json, sys", *lines, "print(json.dumps(seen))"))
    environment = {**os.environ, **KIVY, "KIVY_HOME": str(tmp_path), "SDL_VIDEODRIVER": "offscreen"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_text_from_outside_is_never_markup(tmp_path):
    seen = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit.markup import heading, marked, passage",
        "seen = [marked('a [b]bold[/b] & word', ['WORD']), marked('[color=ff0000]', ['color']),",
        "    heading('# One\\n## The `two`\\nbody'), passage('## Two\\nsay `x[0]`', [], None)]",
    )

    assert seen[0] == "a &bl;b&br;bold&bl;/b&br; &amp; [color=F2B544]word[/color]"
    assert seen[1] == "&bl;[color=F2B544]color[/color]=ff0000&br;"
    assert seen[2] == "The two"
    assert "say [font=" in seen[3]
    assert "x&bl;0&br;" in seen[3]


def test_a_passage_that_is_opened_shows_the_summaries_above_it(tmp_path):
    seen = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit.hits import HitCard",
        "chunk = {'document_id': 'd', 'chunk_index': 3, 'text': 'A meteor.', 'metadata': {}}",
        "chunk['metadata']['summaries'] = ['S [1]', 'S2']",
        "card = HitCard({'chunk': chunk, 'score': 1.0}, 1.0, [])",
        "seen = [card.passage]",
        "card.on_release(); seen.append(card.passage)",
        "card.on_release(); seen.append(card.passage)",
    )

    assert seen[0] == seen[2] == "A meteor."
    assert [line.rpartition("]")[2].strip() for line in seen[1].split("\n\n")] == ["A meteor.", "S &bl;1&br;", "S2"]


def test_a_field_reads_what_was_entered_as_a_value_of_its_type(tmp_path):
    seen = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit import ChoiceField, IntegerField, JsonField, LinesField, TextField",
        "from batos.workbench.kit.fields import FieldRefused",
        "def read(field, text):",
        "    field.entry.text = text",
        "    try: return field.read()",
        "    except FieldRefused as error: return str(error)",
        "seen = [read(TextField(name='n', label='Name', required=True), ' Ada '),",
        "    read(TextField(name='n', label='Name', required=True), '  '),",
        "    read(TextField(name='n', label='Name'), ''),",
        "    read(LinesField(name='n', label='Text'), ' a\\n\\nb '),",
        "    read(IntegerField(name='n', label='Count'), '12'), read(IntegerField(name='n', label='Count'), 'x'),",
        "    read(JsonField(name='n', label='Values'), '[1, \"a\"]'),",
        "    ChoiceField(name='n', label='State', choices=['a', 'b']).read(),",
        "    ChoiceField(name='n', label='State', choices=['a', 'b'], required=True).read()]",
    )

    assert seen[:5] == ["Ada", "Name: please enter something.", None, "a\n\nb", 12]
    assert seen[5:] == ["Count: 'x' is not a whole number.", [1, "a"], None, "a"]


@pytest.mark.parametrize(
    "given, shown",
    [
        ({"a": {"b": 1}, "c": []}, [[0, "–", "a", "1 entry"], [1, "", "b", "1"], [0, "", "c", "–"]]),
        ({}, []),
        ({"few": [1, "b"]}, [[0, "", "few", "1, b"]]),
        ({"many": list(range(100))}, [[0, "+", "many", "100 entries"]]),
        (
            {"slots": [{"name": "age", "kind": "data", "value": 3}]},
            [
                [0, "–", "slots", "1 entry"],
                [1, "+", "age", "data  ·  3"],
            ],
        ),
    ],
)
def test_a_state_is_a_tree_whose_short_branches_are_open(tmp_path, given, shown):
    seen = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit import LinkReply, StateTree",
        "from batos.workbench.kit.surfaces import load_look",
        "load_look(); tree = StateTree()",
        f"tree.fill(LinkReply('', [{given!r}]), {{}})",
        "seen = [[line['depth'], line['mark'], line['name'], line['value']] for line in tree._rows.data]",
    )

    assert seen == shown


def test_a_table_has_a_column_for_each_name(tmp_path):
    seen = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit import LinkReply, RowsTable",
        "from batos.workbench.kit.surfaces import load_look",
        "load_look(); table = RowsTable()",
        "said = table.fill(LinkReply('', [{'id': 'a', 'n': 1}, {'id': 'b', 'more': [2.5]}]), {})",
        "seen = [said, [line['cells'] for line in table._rows.data]]",
    )

    assert seen == ["2 rows", [["a", "1", "–"], ["b", "–", "[2.5]"]]]


def test_a_table_shortens_long_ids_and_colours_states(tmp_path):
    seen = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit import LinkReply, RowsTable, theme",
        "from batos.workbench.kit.surfaces import load_look",
        "load_look(); table = RowsTable()",
        "table.fill(LinkReply('', [{'mission': '0123456789abcdef' * 2, 'state': 'failed', 'type': 'failed'}]), {})",
        "row = table._rows.data[0]",
        "seen = [row['cells'], [tint == theme.ALARM for tint in row['tints']]]",
    )

    assert seen == [["0123456789ab", "failed", "failed"], [False, True, False]]


def test_an_answer_shows_code_in_letters_of_its_own_and_keeps_its_lines(tmp_path):
    seen = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit.markup import prose",
        "seen = [prose('Say `x[0]`.\\n\\nA lone ` stays.'), prose('plain [1]')]",
    )

    assert seen[0].startswith("Say [font=")
    assert "x&bl;0&br;[/size][/font].\n\nA lone ` stays." in seen[0]
    assert seen[1] == "plain &bl;1&br;"


def test_code_stays_code_and_prose_stays_prose_wherever_an_excerpt_is_cut(tmp_path):
    text = "one two `three four five` six seven `eight` nine ten eleven twelve `thirteen fourteen` fifteen sixteen"
    cuts = seen_by_the_kit(
        tmp_path,
        "from batos.workbench.kit.markup import excerpt",
        f"text = {text!r}",
        "seen = [excerpt(text, [word], length) for word in text.replace('`', '').split() for length in range(12, 100)]",
    )

    def spans(shown):
        return [set(part.split()) for part in shown.split("`")]

    code = set().union(*spans(text)[1::2])
    for cut in cuts:
        inside, outside = (set().union(*spans(cut)[first::2]) - {"…"} for first in (1, 0))
        assert inside <= code, cut
        assert not outside & code, cut


def test_an_answer_that_belongs_to_an_earlier_request_fades(tmp_path):
    seen = seen_by_the_kit(
        tmp_path,
        "import asyncio",
        "from batos.errors import BridgeRefused",
        "from batos.workbench.kit import Panel, StatusLine, TextView",
        "from batos.workbench.kit.surfaces import load_look",
        "load_look()",
        "class Refusing(Panel):",
        "    def compose(self):",
        "        self.tell(StatusLine(busy='asking')); self.show(TextView())",
        "    async def perform(self):",
        "        raise BridgeRefused(code='unknown_object', reason='There is none.', retry=False)",
        "panel = Refusing(None)",
        "asyncio.run(panel._submit())",
        "seen = [panel.status.state, panel.status.text, panel.result.opacity < 1]",
    )

    assert seen == ["error", "There is none.", True]
