import pytest

from keras_gans import data


def in_order(folder, model, **options):
    options = {"shuffle": False, "jitter": False, **options}
    return data.load(f"folder:{folder}", model, **options)


def fill(folder, save, **counts):
    """Pictures of one level each: from 0 in A, from 100 in B."""
    for name, count in counts.items():
        for number in range(count):
            save(folder / name / f"{number}.png", number + (100 if name.endswith("B") else 0))


def test_splits_are_folders(tmp_path, make_unpaired, save, both_levels):
    fill(tmp_path, save, trainA=3, trainB=2, testA=1, testB=2, valA=1, valB=1)
    save(tmp_path / "trainA" / "x" / "deep.png", 3)
    model = make_unpaired()
    assert both_levels(in_order(tmp_path, model)) == ([0, 1, 2, 3], [100, 101, 100, 101])
    assert both_levels(in_order(tmp_path, model, split="test")) == ([0, 0], [100, 101])
    assert both_levels(in_order(tmp_path, model, split="val")) == ([0], [100])


@pytest.mark.parametrize("missing, there", [("trainA", "trainB"), ("trainB", "trainA")])
def test_a_missing_domain_is_named(tmp_path, make_unpaired, save, missing, there):
    fill(tmp_path, save, **{there: 1})
    with pytest.raises(
        ValueError, match=f"has no folder {missing}/. .* It has: {there}/"
    ) as refused:
        in_order(tmp_path, make_unpaired())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("empty, there", [("trainA", "trainB"), ("trainB", "trainA")])
def test_an_empty_domain_is_named(tmp_path, make_unpaired, save, empty, there):
    fill(tmp_path, save, **{there: 1})
    (tmp_path / empty).mkdir()
    with pytest.raises(ValueError, match=f"no pictures in {tmp_path}/{empty} "):
        in_order(tmp_path, make_unpaired())


def test_a_missing_test_split_is_named(tmp_path, make_unpaired, save):
    fill(tmp_path, save, trainA=1, trainB=1)
    with pytest.raises(ValueError, match="has no folder testA/"):
        in_order(tmp_path, make_unpaired(), split="test")


def test_an_unknown_split_lists(tmp_path, make_unpaired, save):
    fill(tmp_path, save, trainA=1, trainB=1)
    with pytest.raises(ValueError, match="are train, test, val .*Received: split='all'"):
        in_order(tmp_path, make_unpaired(), split="all")


def test_a_domain_that_is_a_link_is_refused(tmp_path, make_unpaired, save):
    fill(tmp_path, save, outside=1)
    fill(tmp_path / "set", save, trainA=1)
    (tmp_path / "set" / "trainB").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match="set/trainB is a link to a folder, which is not followed"):
        in_order(tmp_path / "set", make_unpaired())


def test_class_folders_are_refused(tmp_path, make_unpaired, save):
    fill(tmp_path, save, cat=1, dog=1)
    with pytest.raises(ValueError, match="no folder trainA/. .* two domains .* It has: cat/, dog/"):
        in_order(tmp_path, make_unpaired())


def test_pairs_are_refused_with_what_to_do(tmp_path, make_unpaired, save):
    fill(tmp_path, save, A=1, B=1)
    with pytest.raises(ValueError, match="A/ and B/ are how pairs lie; rename them to trainA/ and"):
        in_order(tmp_path, make_unpaired())


def test_a_missing_folder_is_refused(tmp_path, make_unpaired):
    with pytest.raises(ValueError, match="none does not exist"):
        in_order(tmp_path / "none", make_unpaired())


def test_broken_pictures_are_left_out_of_their_domain(tmp_path, make_unpaired, save, both_levels):
    fill(tmp_path, save, trainA=2, trainB=3)
    (tmp_path / "trainB" / "1.png").write_text("I am a text")
    with pytest.warns(UserWarning, match=r"Left out 1: trainB/1.png \(not a PNG"):
        batches = in_order(tmp_path, make_unpaired())
    assert both_levels(batches) == ([0, 1], [100, 102])


def test_domains_are_no_classes(tmp_path, make_model, save):
    fill(tmp_path, save, trainA=2, trainB=2, testA=1, testB=1)
    assert data.class_names(f"folder:{tmp_path}") is None
    with pytest.raises(
        ValueError,
        match="has no labels .trainA/ and trainB/ are the domains of an unpaired set, not classes.",
    ):
        data.load(f"folder:{tmp_path}", make_model(num_classes=2))
