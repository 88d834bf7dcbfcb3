"""Who is drawn: the options of each person, by a hash of the person's number.

Nothing depends on the order of draws or on a generator, so person 17 is the same in any set.
"""

import hashlib

#: The styles' artists; all CC BY 4.0.
ARTISTS = {
    "micah": "Avatar Illustration System by Micah Lanier",
    "adventurer": "Adventurer by Lisa Wischofsky",
    "big-ears": "Face Generator by The Visual Team",
    "big-smile": "Custom Avatar by Ashley Seo",
    "miniavs": "Miniavs - Free Avatar Creator by Webpixels",
    "personas": "Personas by Draftbit",
}

#: Names of the heads' classes, in the order of their numbers, and DiceBear's values for them.
HAIR = {
    "quiff": "fonze",
    "mohawk": "mrT",
    "fringe": "dannyPhantom",
    "long": "full",
    "turban": "turban",
    "bob": "pixie",
}
HAIR_COLOR = {
    "black": "000000",
    "brown": "77311d",
    "copper": "c2703a",
    "blond": "f4d150",
    "white": "ffffff",
    "pink": "fc909f",
    "blue": "6bd9e9",
    "purple": "9287ff",
}
SKIN = {"light": "f9c9b6", "brown": "ac6651", "dark": "77311d"}
HEADS = {"hair": HAIR, "hair_color": HAIR_COLOR, "skin": SKIN}
ATTRIBUTES = ("glasses", "smile", "beard", "earrings")

_SMILES = ("smile", "laughing")
_OTHER_MOUTHS = ("sad", "frown", "pucker", "surprised")
_GLASSES_COLORS = ("000000", "000000", "9287ff", "6bd9e9")
_BEARD_COLORS = ("8c7b6b", "b9b2a8", "c98f4e")
_EARRING_COLORS = ("f4d150", "ffffff", "6bd9e9")
_SHIRT_COLORS = ("6bd9e9", "9287ff", "f4d150", "fc909f", "ffffff", "d2eff3", "e0ddff", "000000")
_BACKGROUNDS = ("d2eff3", "e0ddff", "ffedef", "dff0d8", "f3e6d0", "e3e6ea")

# Percent. Beards go with some hair more than with other, as in any set of photographs.
_GLASSES, _SMILE, _EARRINGS = 40, 50, 30
_BEARD = {"quiff": 45, "mohawk": 45, "turban": 35, "fringe": 15, "long": 5, "bob": 5}

#: More would hardly find people who are not there yet: there are 82,944.
MOST = 50_000


class _Draws:
    """Draws of one person, each by its name."""

    def __init__(self, key):
        self._key = key

    def _number(self, what):
        return int(hashlib.sha256(f"{self._key}/{what}".encode()).hexdigest(), 16)

    def of(self, what, values):
        values = tuple(values)
        return values[self._number(what) % len(values)]

    def happens(self, what, percent):
        return self._number(what) % 100 < percent


def person(number, key="avatars"):
    """What person `number` is: names of classes, 0 or 1 for attributes, and what is not labelled.

    Args:
        number: from 0.
        key: another key makes another set.
    """
    draws = _Draws(f"{key}/{number}")
    hair = draws.of("hair", HAIR)
    smile = draws.happens("smile", _SMILE)
    return {
        "hair": hair,
        "hair_color": draws.of("hair_color", HAIR_COLOR),
        "skin": draws.of("skin", SKIN),
        "glasses": int(draws.happens("glasses", _GLASSES)),
        "smile": int(smile),
        "beard": int(draws.happens("beard", _BEARD[hair])),
        # Long hair lies over the ears.
        "earrings": int(hair != "long" and draws.happens("earrings", _EARRINGS)),
        "mouth": draws.of("mouth", _SMILES if smile else _OTHER_MOUTHS),
        "eyes": draws.of("eyes", ("eyes", "round", "smiling")),
        "eyebrows": draws.of("eyebrows", ("up", "down", "eyelashesUp", "eyelashesDown")),
        "nose": draws.of("nose", ("curve", "pointed", "tound")),
        "shirt": draws.of("shirt", ("open", "crew", "collared")),
        "shirt_color": draws.of("shirt_color", _SHIRT_COLORS),
        "background": draws.of("background", _BACKGROUNDS),
        "glasses_shape": draws.of("glasses_shape", ("round", "square")),
        "glasses_color": draws.of("glasses_color", _GLASSES_COLORS),
        "beard_color": draws.of("beard_color", _BEARD_COLORS),
        "earring_color": draws.of("earring_color", _EARRING_COLORS),
    }


# What a person is known by: two pictures that differ in the rest show the same one.
_IDENTITY = ("hair", "hair_color", "skin", "beard", "nose", "eyebrows", "shirt", "shirt_color")


def people(count, key="avatars"):
    """`count` persons, no two of whom are the same but for glasses, mouth, eyes and background."""
    found, known = [], set()
    number = 0
    while len(found) < count:
        who = person(number, key)
        number += 1
        identity = tuple(who[name] for name in _IDENTITY)
        if identity not in known:
            known.add(identity)
            found.append(who)
    return found


#: What `edited` changes, one at a time.
EDITS = ("glasses", "smile", "beard", "hair_color")


def edited(who, edit):
    """The same person with one of `EDITS` changed, and nothing else.

    Attributes are turned round; hair gets the colour that follows its own in `HAIR_COLOR`.
    """
    if edit == "hair_color":
        colors = list(HAIR_COLOR)
        following = (colors.index(who["hair_color"]) + 1) % len(colors)
        return {**who, "hair_color": colors[following]}
    changed = {**who, edit: 1 - who[edit]}
    if edit == "smile":
        changed["mouth"] = (_SMILES if changed["smile"] else _OTHER_MOUTHS)[0]
    return changed


def options(who):
    """DiceBear's options of `micah` for a person."""
    return {
        "hair": [HAIR[who["hair"]]],
        "hairColor": [HAIR_COLOR[who["hair_color"]]],
        "baseColor": [SKIN[who["skin"]]],
        "glasses": [who["glasses_shape"]],
        "glassesColor": [who["glasses_color"]],
        "glassesProbability": 100 * who["glasses"],
        "mouth": [who["mouth"]],
        "facialHair": ["beard"],
        "facialHairColor": [who["beard_color"]],
        "facialHairProbability": 100 * who["beard"],
        "earrings": ["hoop"],
        "earringColor": [who["earring_color"]],
        "earringsProbability": 100 * who["earrings"],
        "eyes": [who["eyes"]],
        "eyebrows": [who["eyebrows"]],
        "nose": [who["nose"]],
        "ears": ["attached"],
        "shirt": [who["shirt"]],
        "shirtColor": [who["shirt_color"]],
        "backgroundColor": [who["background"]],
    }


def options_of_lines(who):
    """The same person before it is coloured in: white everywhere, black lines."""
    white = dict.fromkeys(("baseColor", "shirtColor", "backgroundColor"), ["ffffff"])
    outlined = dict.fromkeys(("hairColor", "facialHairColor"), ["fefefe"])  # see render.mjs
    black = dict.fromkeys(("glassesColor", "earringColor"), ["000000"])
    return {**options(who), **white, **outlined, **black}


#: Parts of a face in the order of their class numbers, and the colour each is drawn in on a map.
PARTS = {
    "background": "c0e0e0",
    "skin": "ffdbb4",
    "hair": "804020",
    "beard": "a0a060",
    "shirt": "4060ff",
    "collar": "cfd7ff",
    "lines": "000000",
    "eyebrows": "c04000",
    "eyes": "00a000",
    "mouth": "e00060",
    "glasses": "9000c0",
    "earrings": "ffe000",
}


def options_of_parts(who):
    """The same person as a map of parts: each in its own colour of `PARTS`, see render.mjs."""
    parts = {
        "backgroundColor": "background",
        "baseColor": "skin",
        "hairColor": "hair",
        "facialHairColor": "beard",
        "shirtColor": "shirt",
        "eyebrowsColor": "eyebrows",
        "eyesColor": "eyes",
        "eyeShadowColor": "eyes",
        "mouthColor": "mouth",
        "glassesColor": "glasses",
        "earringColor": "earrings",
    }
    return {**options(who), **{option: [PARTS[part]] for option, part in parts.items()}}


def options_of_others(number, style, key="avatars"):
    """Options of another style, whose parts DiceBear draws by the seed."""
    background = _Draws(f"{key}/{style}/{number}").of("background", _BACKGROUNDS)
    return {"seed": f"{key}/{number}", "backgroundColor": [background]}


def labels_of_others(facts):
    """What of DiceBear's facts on a face of another style are labels, plain words, and 0 or 1."""
    words = {"hair": "hair", "hairColor": "hair_color", "skinColor": "skin"}
    labels = {
        ours: f"c{facts[name]}".replace("#", "") for name, ours in words.items() if name in facts
    }
    for name in ("glasses", "earrings"):
        labels[name] = int(facts.get(name) is not None)
    return labels
