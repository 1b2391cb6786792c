"""Options come as words or through make; what is wrong with them is one sentence."""

import subprocess
from pathlib import Path

import pytest

from local.options import BadOption, Parser, dollars, folder, seconds, variables
from local.packages import ROOT


def parser() -> Parser:
    parser = Parser("demo", "A parser.")
    parser.add_argument("--references", type=folder)
    parser.add_argument("--name")
    parser.add_argument("--wait-scale", type=seconds)
    parser.add_argument("--budget", type=dollars)
    parser.add_argument("--yes", action="store_true")
    return parser


@pytest.mark.parametrize(
    ("makeflags", "expected"),
    [
        ("", {}),
        ("ks -j2 --jobserver-auth=3,4 -- NAME=Tom", {"NAME": "Tom"}),
        (r" -- NAME=Ada\ Lovelace YES=1", {"NAME": "Ada Lovelace", "YES": "1"}),
        (r"NAME=back\\slash OTHER=a=b", {"NAME": "back\\slash", "OTHER": "a=b"}),
        ("NAME:=5$$ REFERENCES=~/pictures", {"NAME": "5$", "REFERENCES": "~/pictures"}),
        ('NAME=O\'Brien\\ "x"', {"NAME": 'O\'Brien "x"'}),
    ],
)
def test_the_variables_of_make_are_read_as_make_escapes_them(
    makeflags: str, expected: dict[str, str]
) -> None:
    assert variables(makeflags) == expected


def test_a_variable_is_the_option_of_its_name() -> None:
    flags = "--make= -- REFERENCES=~/pictures NAME=Tom WAIT_SCALE=0.5 BUDGET=$$2.50 YES=1 PYTHON=p"
    read = parser().read([f"{flags} FAL_KEY=k FAL_ADMIN_KEY=k"], {"HOME": "/home/ada"})
    assert read.references == Path("~/pictures").expanduser()
    assert "~" not in str(read.references)
    assert (read.name, read.wait_scale, read.budget, read.yes) == ("Tom", 0.5, "2.50", True)


@pytest.mark.parametrize("value", ["", "0"])
def test_a_variable_may_say_no(value: str) -> None:
    read = parser().read([f"--make=YES={value} NAME="], {})
    assert (read.yes, read.name) == (False, None)


def test_words_come_after_make_and_so_count_more() -> None:
    assert parser().read(["--make=NAME=Tom", "--name", "Ada"], {}).name == "Ada"


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--make=REFERENCE=x"], {}, "make demo knows no variable REFERENCE; did you mean REFERENCES?"),
        (["--make=references=x"], {}, "make demo knows no variable references; did you mean REFERENCES?"),
        (["--make=FAL_KEYS=x"], {}, "make demo knows no variable FAL_KEYS; did you mean FAL_KEY?"),
        (
            ["--make=QQ=x"],
            {},
            "make demo knows no variable QQ; it knows REFERENCES, NAME, WAIT_SCALE, BUDGET,",
        ),
        (["--reference", "x"], {}, "unrecognized arguments: --reference x; see --help."),
        (["--references", "~nobody-here/x"], {}, "argument --references: there is no home that"),
        (
            ["--budget", "much"],
            {},
            "argument --budget: a number from 0 on is expected, not 'much'; see --help.",
        ),
        (["--budget", "0.005"], {}, "argument --budget: an amount such as 100 or 99.50 is expected, not"),
        (["--budget", "-1"], {}, "argument --budget: "),
        (
            ["--budget", "inf"],
            {},
            "argument --budget: a number from 0 on is expected, not 'inf'; see --help.",
        ),
        (["--wait-scale", "nan"], {}, "argument --wait-scale: a number from 0 on is expected, not 'nan';"),
        ([], {"FAL_KEYS": "k"}, "FAL_KEYS in the environment is no setting here, FAL_KEY is;"),
        ([], {"fal_key": "k"}, "fal_key in the environment is no setting here, FAL_KEY is;"),
        ([], {"FAL_API_KEY": "k"}, "FAL_API_KEY in the environment is no setting here, FAL_KEY is;"),
        ([], {"MEDIA_HOST": "k"}, "MEDIA_HOST in the environment is no setting here, MEDIA_HOSTS is;"),
        ([], {"ASTRIA_KEY": "k"}, "ASTRIA_KEY in the environment is no setting here, ASTRIA_API_KEY is;"),
        ([], {"ASTRIA_MOK": "1"}, "ASTRIA_MOK in the environment is no setting here, ASTRIA_MOCK is;"),
    ],
)
def test_what_is_misspelt_is_named_with_what_was_meant(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadOption) as caught:
        parser().read(arguments, environment)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {"FAL_KEY": "k", "FAL_KEY_ID": "i"},
        {"FAL_KEYS": ""},
        {"MEDIA_HOME": "x", "HOME": "x", "NAME": "a-host", "API_KEY": "k", "FALLBACK": "1"},
    ],
    ids=["what was meant is there", "empty", "somebody else's"],
)
def test_other_variables_of_the_environment_are_left_alone(environment: dict[str, str]) -> None:
    assert parser().read([], environment).name is None


@pytest.mark.processes
@pytest.mark.parametrize("target", ["demo", "dev", "references"])
def test_make_hands_on_what_it_was_given(target: str) -> None:
    """``--old-file`` has make believe that all is set up."""
    command = ["make", "--old-file", "setup", target, "REFERENCSE=~/a b"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.startswith(f"make {target} knows no variable REFERENCSE; ")
    assert done.returncode == 2
