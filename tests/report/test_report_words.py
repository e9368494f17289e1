import pytest

from edgekit.report import words


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (words.percent(0.98856), "98.9\u202f%"),
        (words.percent(None), "–"),
        (words.span(0.8499, 0.8912, 100), "85.0 to 89.1"),
        (words.span(-0.3, 0.04), "−0.3 to 0.0"),
        (words.span(None, 1.0), ""),
        (words.within(0.3, 3.5), "95\u202f% interval 0.3 to 3.5"),
        (words.within(None, None), ""),
        (words.change(1.9), "+1.9"),
        (words.change(-0.42, 2), "−0.42"),
        (words.change(-0.004, 2), "0.00"),
        (words.tolerance(3.1e-6), "3.1e−6"),
        (words.tolerance(0.21), "0.21"),
        (words.tolerance(0), "0"),
        (words.milliseconds(2.634), "2.63"),
        (words.milliseconds(12.34), "12.3"),
        (words.size(17_602_816), "17.6\u202fMB"),
        (words.count(10072), "10\u202f072"),
        (words.millions(22_713_986), "22.7\u202fM"),
        (words.millions(9_000), "9\u202f000"),
        (words.times(3.2), "3.2×"),
        (words.seconds(4.21), "4.2\u202fs"),
        (words.seconds(200), "3\u202fmin 20\u202fs"),
        (words.seconds(3720), "1\u202fh 02\u202fmin"),
        (words.metric_name("macro_f1"), "Macro f1"),
        (words.metric_name(None), "Score"),
        (words.in_words(["a", "b", "c"]), "a, b and c"),
        (words.in_words(["a"]), "a"),
    ],
)
def test_figures_as_a_reader_sees_them(shown: str, expected: str) -> None:
    assert shown == expected


def test_characters_that_reorder_or_hide_text_are_written_out() -> None:
    assert words.visible("a\u202eb\u200fc\x00d\ud800e\tf\ng") == (
        "a<U+202E>b<U+200F>c<U+0000>d<U+D800>e\tf\ng"
    )


def test_text_in_other_scripts_is_left_alone() -> None:
    assert words.visible("שלום, 你好, café 🎬") == "שלום, 你好, café 🎬"
