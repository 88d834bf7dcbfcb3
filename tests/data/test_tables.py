"""Labels of pictures in a folder by attributes.csv and attributes.json."""

import json
import os
import time

import numpy as np
import pytest

from keras_gans import data
from keras_gans.data import examples, tables

HEADER = "file,Smiling,colour,Male,kind\n"
ROWS = "b.png,0,red,1,hat\na.png,1,blue,0,shoe\ndeep/c.png,1,red,1,coat\n"


@pytest.fixture
def folder(tmp_path, save):
    for level, name in enumerate(["a.png", "b.png", "deep/c.png"]):
        save(tmp_path / name, level)
    return tmp_path


@pytest.fixture(params=["up front", "while training"])
def when(request, monkeypatch):
    """When pictures are decoded; the result must not differ."""
    if request.param == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)


def write(folder, text, name="attributes.csv"):
    (folder / name).write_text(text, encoding="utf-8")


def loaded(folder, model, **options):
    options = {"shuffle": False, "drop_remainder": False, **options}
    return list(data.load(f"folder:{folder}", model, **options))


# === What comes ===


def test_heads_and_attributes_stay_with_their_pictures(when, folder, make_model, levels, labels):
    write(folder, HEADER + ROWS)
    model = make_model(num_classes=(2, 3), num_attributes=2, batch_size=3)
    batches = loaded(folder, model, shuffle=True, seed=3)
    expected = {0: [0, 2, 1, 0], 1: [1, 1, 0, 1], 2: [1, 0, 1, 1]}
    assert labels(batches) == [expected[level] for level in levels(batches)]
    assert len(levels(batches)) == 3
    assert data.label_names(f"folder:{folder}", model) == {
        "heads": {"colour": ("blue", "red"), "kind": ("coat", "hat", "shoe")},
        "attributes": ("Smiling", "Male"),
    }


def test_names_choose_and_order(folder, make_model, labels):
    write(folder, HEADER + ROWS)
    model = make_model(num_classes=0, num_attributes=2)
    assert labels(loaded(folder, model, attributes=("Male", "Smiling"))) == [[0, 1], [1, 0], [1, 1]]
    assert labels(loaded(folder, make_model(num_classes=0, num_attributes=1), attributes="Male")) \
        == [[0], [1], [1]]  # fmt: skip
    model = make_model(num_classes=(3, 2))
    heads = ("kind", "colour")
    assert labels(loaded(folder, model, heads=heads)) == [[2, 0], [1, 1], [0, 1]]
    names = data.label_names(f"folder:{folder}", model, heads=heads)
    assert list(names["heads"]) == list(heads)
    assert labels(loaded(folder, make_model(num_classes=3), heads=("kind",))) == [2, 1, 0]


def test_minus_one_is_off_as_in_celeba(folder, make_model, labels):
    write(folder, "file,Smiling,Bald\na.png,-1,1\nb.png,1, -1\ndeep/c.png,1,1.0\n")
    model = make_model(num_classes=0, num_attributes=2)
    assert labels(loaded(folder, model)) == [[0, 1], [1, 0], [1, 1]]


def test_json_says_the_same(folder, make_model, labels):
    write(folder, HEADER + ROWS)
    model = make_model(num_classes=(2, 3), num_attributes=2)
    by_csv = labels(loaded(folder, model))
    (folder / "attributes.csv").unlink()
    table = {
        "b.png": {"Smiling": 0, "colour": "red", "Male": True, "kind": "hat"},
        "a.png": {"colour": "blue", "Smiling": 1.0, "Male": False, "kind": "shoe"},
        "./deep/c.png": {"Smiling": "1", "colour": "red", "Male": 1, "kind": "coat"},
    }
    write(folder, json.dumps(table), "attributes.json")
    assert labels(loaded(folder, model)) == by_csv


def test_class_folders_are_the_label_of_models_that_learn_one(tmp_path, make_model, save, labels):
    for name in ("x/1.png", "y/1.png"):
        save(tmp_path / name, 0)
    write(tmp_path, "file,Smiling,colour\nx/1.png,1,red\ny/1.png,0,blue\n")
    assert labels(loaded(tmp_path, make_model(num_classes=2))) == [0, 1]
    assert labels(loaded(tmp_path, make_model(num_classes=2, num_attributes=1))) == [[0, 1], [1, 0]]
    assert labels(loaded(tmp_path, make_model(num_classes=2), heads="colour")) == [1, 0]
    write(tmp_path, "file,kind,colour\nx/1.png,hat,red\ny/1.png,cap,blue\n")
    both = make_model(num_classes=(2, 2))
    assert labels(loaded(tmp_path, both)) == [[1, 1], [0, 0]]
    assert list(data.label_names(f"folder:{tmp_path}")["heads"]) == ["kind", "colour"]
    write(tmp_path, "file,class,colour\nx/1.png,hat,red\ny/1.png,cap,blue\n")
    with pytest.raises(ValueError, match="a column 'class' too. Give the column another name"):
        loaded(tmp_path, both)


def test_the_only_column_of_words_is_the_label(folder, make_model, labels):
    write(folder, "file,colour\na.png,red\nb.png,green\ndeep/c.png,red\n")
    assert labels(loaded(folder, make_model(num_classes=2))) == [1, 0, 1]
    assert data.class_names(f"folder:{folder}") == ("green", "red")


def test_one_table_speaks_of_both_splits(tmp_path, make_model, save, labels):
    for name in ("train/1.png", "train/2.png", "test/1.png"):
        save(tmp_path / name, 0)
    write(tmp_path, "file,colour\ntest/1.png,red\ntrain/1.png,green\ntrain/2.png,blue\n")
    model = make_model(num_classes=3)
    assert labels(loaded(tmp_path, model)) == [1, 0]
    assert labels(loaded(tmp_path, model, split="test")) == [2]


def test_what_spreadsheets_write_is_read(folder, make_model, labels):
    rows = '"a.png", 1 \r\n"b.png",0\r\n\r\n"deep/c.png","1"\r\n'
    (folder / "attributes.csv").write_bytes(b"\xef\xbb\xbf" + ("file, Smiling\r\n" + rows).encode())
    model = make_model(num_classes=0, num_attributes=1)
    assert labels(loaded(folder, model)) == [[1], [0], [1]]


def test_broken_pictures_take_their_labels_with_them(when, folder, make_model, levels, labels):
    write(folder, HEADER + ROWS)
    (folder / "a.png").write_bytes(b"not a picture")
    with pytest.warns(UserWarning, match="a.png"):
        batches = loaded(folder, make_model(num_classes=0, num_attributes=2))
    assert levels(batches) == [1, 2] and labels(batches) == [[0, 1], [1, 1]]


def test_a_table_nobody_learns_from_is_not_read(folder, make_model, levels):
    write(folder, "nonsense")
    assert levels(loaded(folder, make_model())) == [0, 1, 2]
    names = data.label_names(f"folder:{folder}", make_model())
    assert names == {"heads": {}, "attributes": ()}


# === Refusals ===

BAD_CSV = [
    ("", "line 1: the first line must be the heading 'file'"),
    ("face,Smiling\n", "line 1: .*Received: 'face,Smiling'"),
    ("file|Smiling\na.png|1\n", "with commas between. Received: 'file.Smiling'"),
    ("file,S,S\n", "line 1: the heading 'S' is empty or there twice"),
    ("file,S,\n", "line 1: the heading '' is empty"),
    ("file,S\n", "says nothing of any picture"),
    ("file,S\na.png,1\nb.png,1,0\n", "line 3: 3 values under 2 headings"),
    ("file,S\na.png,1\nb.png\n", "line 3: 1 values under 2 headings"),
    ("file,S\na.png,1\n\nb.png,0\na.png,0\n", "line 5: 'a.png' was on line 2 already"),
    ("file,S\na.png,1\n./a.png,1\n", "line 3: './a.png' was on line 2 already"),
    ("file,S\n../a.png,1\n", "line 2: '../a.png' is not a path inside the folder"),
    ("file,S\n/etc/a.png,1\n", "line 2: '/etc/a.png' is not a path inside"),
    ("file,S\n,1\n", "line 2: '' is not a path inside"),
    ("file,S\nd.png,0\n", "line 2: there is no picture 'd.png' in the folder, and no other"),
    ("file,S\nc.png,0\ndeep/c.png,1\n", "line 3: 'deep/c.png' was on line 2 already"),
    ("file,S\na.png,1\nb.png,0\n", "has no row for deep/c.png. Add it after line 3"),
    ("file,S\na.png,1\nb.png,2\ndeep/c.png,1\n", "line 3: 'S' is '2'. An attribute is 0 or 1"),
    ("file,S\na.png,1\nb.png,0\ndeep/c.png,\n", "line 4: 'S' is ''"),
    ("file,S\na.png,1\nb.png,yes\ndeep/c.png,0\n", "line 3: 'S' is 'yes'"),
    ("file,S\na.png,0\nb.png,1\ndeep/c.png,-1\n", "line 4: 'S' is -1, but 0 elsewhere"),
    ('file,S\na.png,"1\nb.png,0\n', "line 3: not CSV"),
    ("file,S\na.png," + "1" * 200_000 + "\n", "line 2: not CSV .*field limit"),
]


@pytest.mark.parametrize(("text", "message"), BAD_CSV, ids=range(len(BAD_CSV)))
def test_errors_name_the_line(folder, make_model, text, message):
    write(folder, text)
    with pytest.raises(ValueError, match=f"folder:.*attributes.csv.*{message}") as refused:
        loaded(folder, make_model(num_classes=0, num_attributes=1))
    assert len(str(refused.value)) < 600


BAD_JSON = [
    ('{"a.png": {"S": 1},\n"b.png": }', "line 2: not JSON"),
    ("[]", "must be an object of objects"),
    ('{"a.png": 1}', "must be an object of objects"),
    ("{}", "says nothing of any picture"),
    ('{"a.png": {}}', "line 1: 'a.png' has nothing"),
    ('{"a.png": {"S": 1},\n"b.png": {"T": 1}}', "line 2: 'b.png' has T. .*once each: S"),
    ('{"a.png": {"S": 1},\n"b.png": {"S": 1, "S": 0}}', "line 2: 'b.png' has S, S"),
    ('{"a.png": {"S": 1},\n"b.png": {"S": [1]}}', "line 2: 'S' of 'b.png' is no number"),
    ('{"a.png": {"S": 1},\n\n"a.png": {"S": 1}}', "line 3: 'a.png' was on line 1 already"),
    ('{"a.png": {"S": 1},\n"\\u00e9.png": {"S": [7]}, \n"\u00e8.png": {"S": 1}}', "line 2: 'S' of"),
    ("[" * 100_000, "not JSON"),
]


@pytest.mark.parametrize(("text", "message"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_errors_in_json_name_the_line(folder, make_model, text, message):
    write(folder, text, "attributes.json")
    with pytest.raises(ValueError, match=f"attributes.json.*{message}"):
        loaded(folder, make_model(num_classes=0, num_attributes=1))


def test_a_head_without_a_class_names_the_line(folder, make_model):
    write(folder, "file,colour\na.png,red\nb.png,\ndeep/c.png,red\n")
    with pytest.raises(ValueError, match="line 3: 'colour' is empty. Give it a class"):
        loaded(folder, make_model(num_classes=2))


def test_tables_that_are_not_read(folder, make_model, tmp_path_factory, monkeypatch):
    model = make_model(num_classes=0, num_attributes=1)
    (folder / "attributes.csv").write_bytes(b"file,S\na.png,1\nb\x81.png,1\n")
    with pytest.raises(ValueError, match="line 3: not utf-8-sig or cp1252. Save it as UTF-8"):
        loaded(folder, model)
    write(folder, "{}", "attributes.json")
    with pytest.raises(ValueError, match="has both attributes.csv and attributes.json"):
        loaded(folder, model)
    (folder / "attributes.json").unlink()
    monkeypatch.setattr(tables, "LARGEST", 8)
    with pytest.raises(ValueError, match="takes more than 0 MiB"):
        loaded(folder, model)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, "file,S\n")
    (folder / "attributes.csv").unlink()
    os.symlink(elsewhere / "attributes.csv", folder / "attributes.csv")
    with pytest.raises(ValueError, match="is a link that leaves the folder"):
        loaded(folder, model)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (
            {"num_classes": 0, "num_attributes": 1},
            {},
            r"has 2 attributes \(Smiling, Male\), .*num_attributes=1. .*--attribute NAME.*"
            r"num_attributes=2\)",
        ),
        (
            {"num_classes": 0, "num_attributes": 1},
            {"attributes": ["Smilling"]},
            "has no attribute 'Smilling'. Did you mean 'Smiling'. It has: Smiling, Male",
        ),
        (
            {"num_classes": 0, "num_attributes": 1},
            {"attributes": ["colour"]},
            "has no attribute 'colour'",
        ),
        (
            {"num_classes": 0, "num_attributes": 2},
            {"attributes": ["Male", "Male"]},
            "Every attribute can be named once",
        ),
        (
            {"num_classes": 0, "num_attributes": 1},
            {"attributes": ["Male", "Smiling"]},
            "built for num_attributes=1. Received 2: .*num_attributes=2",
        ),
        ({"num_classes": 3}, {}, "no labels .it has several heads, colour, kind: name one"),
        ({"num_classes": (2, 2)}, {}, "2 classes of 'colour' and 3 classes of 'kind', .*=.2, 3"),
        ({"num_classes": (2, 3, 4)}, {}, "has 2 heads of classes .colour, kind., .* built for 3"),
        ({"num_classes": (2, 3)}, {"heads": ["colour"]}, "built for 2 heads.*Received 1.*=2"),
        ({"num_classes": 2}, {"heads": ["color"]}, "no head 'color'. Did you mean 'colour'"),
        ({}, {"attributes": ["Male"]}, "`heads` and `attributes` name labels; Model learns none"),
    ],
)
def test_what_the_table_has_not_is_refused(folder, make_model, model, options, message):
    write(folder, HEADER + ROWS)
    with pytest.raises(ValueError, match=message):
        loaded(folder, make_model(**model), **options)


def test_a_folder_without_a_table_says_what_to_do(folder, make_model):
    for model in (make_model(num_classes=0, num_attributes=2), make_model(num_classes=(2, 2))):
        with pytest.raises(ValueError, match="has (no attributes|0 heads).*Put attributes.csv"):
            loaded(folder, model)
    with pytest.raises(ValueError, match="learns classes.*attributes only, use num_classes=0"):
        loaded(folder, make_model(num_classes=3, num_attributes=2))
    with pytest.raises(ValueError, match="has no attributes, but Model learns 2. .*1 head.*class"):
        data.load("bundled:fashion_mnist", make_model(num_classes=10, num_attributes=2))


def test_a_large_table_is_read_line_by_line_and_found_fast(tmp_path):
    names = [f"{number}é.png" for number in range(20_000)]
    table = {name: {"S": number % 2} for number, name in enumerate(names)}
    for escaped in (False, True):
        path = tmp_path / "attributes.json"
        path.write_text(json.dumps(table, indent=0, ensure_ascii=escaped), encoding="utf-8")
        rows = tables.Table(path, "folder:x").rows_of(names)
        np.testing.assert_array_equal(rows, np.arange(20_000))


# === Tables as people have them ===


@pytest.mark.parametrize("heading", ["image_id", "filename", "File", "image"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_usual_headings_and_delimiters_are_read(folder, make_model, labels, heading, delimiter):
    text = f"{heading},Smiling,Male\na.png,1,0\nb.png,0,0\ndeep/c.png,0,1\n"
    write(folder, text.replace(",", delimiter))
    model = make_model(num_classes=0, num_attributes=2)
    assert labels(loaded(folder, model)) == [[1, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_what_other_programs_encode_is_read(folder, make_model, encoding):
    text = "file,kind\na.png,café\nb.png,thé\ndeep/c.png,café\n"
    (folder / "attributes.csv").write_bytes(text.encode(encoding))
    names = data.label_names(f"folder:{folder}", make_model(num_classes=2))
    assert names["heads"] == {"kind": ("café", "thé")}


CELEBA = "3\nSmiling Male \na.png -1  1\nb.png  1 -1\nc.png  1  1\n"


def test_celeba_s_own_list_is_read(folder, make_model, labels):
    model = make_model(num_classes=0, num_attributes=2)
    write(folder, CELEBA, "list_attr_celeba.txt")
    assert labels(loaded(folder, model)) == [[0, 1], [1, 0], [1, 1]]
    (folder / "list_attr_celeba.txt").unlink()
    rows = "image_id,Smiling,Male\na.png,-1,1\nb.png,1,-1\nc.png,1,1\n"
    write(folder, rows, "list_attr_celeba.csv")
    assert labels(loaded(folder, model)) == [[0, 1], [1, 0], [1, 1]]


def test_errors_in_celeba_s_list_name_the_line(folder, make_model):
    write(folder, CELEBA.replace("b.png  1", "b.png  7"), "list_attr_celeba.txt")
    with pytest.raises(ValueError, match="list_attr_celeba.txt, line 4: 'Smiling' is '7'"):
        loaded(folder, make_model(num_classes=0, num_attributes=2))


def test_rows_without_a_picture_are_passed_over_and_counted(folder, make_model, labels):
    rows = "".join(f"none{number}.png,0\n" for number in range(5))
    write(folder, f"file,S\na.png,1\n{rows}b.png,0\ndeep/c.png,1\n")
    with pytest.warns(UserWarning, match="attributes.csv has 5 of 8 rows without a picture.*none0"):
        batches = loaded(folder, make_model(num_classes=0, num_attributes=1))
    assert labels(batches) == [[1], [0], [1]]


def test_a_table_of_another_name_or_place_is_named(tmp_path, make_model, save):
    for name in ("train/1.png", "test/1.png"):
        save(tmp_path / name, 0)
    write(tmp_path, "file,S\n", "labels.csv")
    write(tmp_path / "train", "file,S\n")
    message = "Put attributes.csv.* labels.csv, train/attributes.csv is not read"
    with pytest.raises(ValueError, match=message):
        loaded(tmp_path, make_model(num_classes=0, num_attributes=1))


def test_a_heading_of_many_columns_is_read_at_once(folder, make_model):
    names = [f"c{number}" for number in range(100_000)]
    write(folder, f"file,{','.join(names)},c0\n")
    before = time.process_time()
    with pytest.raises(ValueError, match="the heading 'c0' is empty or there twice"):
        loaded(folder, make_model(num_classes=0, num_attributes=1))
    assert time.process_time() - before < 5  # 40 seconds where each is compared with all others


def test_a_table_of_too_many_values_is_refused(folder, make_model, monkeypatch):
    monkeypatch.setattr(tables, "_MOST_CELLS", 64)
    model = make_model(num_classes=0, num_attributes=1)
    write(folder, "{" + ",".join('"":{}' for _ in range(50)) + "}", "attributes.json")
    with pytest.raises(ValueError, match="has more than 8 values"):
        loaded(folder, model)
    (folder / "attributes.json").unlink()
    write(folder, "file,S\n" + "".join(f"{number}.png,0\n" for number in range(70)))
    with pytest.raises(ValueError, match="line 66: more than 64 values"):
        loaded(folder, model)


def test_an_object_of_many_names_is_answered_shortly(folder, make_model):
    many = ",".join('"":0' for _ in range(5000))
    write(folder, f'{{"a.png": {{{many}}}}}', "attributes.json")
    with pytest.raises(ValueError, match="'a.png' has , , .*once each") as refused:
        loaded(folder, make_model(num_classes=0, num_attributes=1))
    assert len(str(refused.value)) < 600


def test_escape_sequences_of_headings_are_shown_as_text(folder, make_model):
    write(folder, "file,\x1b[31mred\na.png,1\nb.png,0\ndeep/c.png,1\n")
    with pytest.raises(ValueError) as refused:
        loaded(folder, make_model(num_classes=0, num_attributes=2))
    assert "\x1b" not in str(refused.value) and "\\x1b" in str(refused.value)
