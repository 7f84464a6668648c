"""Short common English words that our own families draw from."""


def word_list(text: str) -> tuple[str, ...]:
    """The words of `text`, which is how a long list stays readable."""
    return tuple(text.split())


CATEGORIES: dict[str, tuple[str, ...]] = {
    "animal": word_list("cat dog cow pig hen duck goat lion bear wolf fox deer mouse horse sheep tiger"),
    "fruit": word_list("apple pear plum grape lemon peach mango cherry banana melon fig orange"),
    "colour": word_list("red blue green yellow black white brown pink purple grey"),
    "tool": word_list("hammer saw drill axe spade rake knife wrench pliers chisel"),
    "clothing": word_list("shirt hat coat shoe sock glove scarf dress belt skirt jacket"),
    "furniture": word_list("chair table bed desk sofa shelf bench stool couch"),
    "vehicle": word_list("car bus train boat ship truck plane bike van tram"),
    "body": word_list("hand foot nose ear knee arm leg neck eye chin"),
    "weather": word_list("rain snow wind fog hail storm frost thunder"),
    "number": word_list("one two three four five six seven eight nine ten"),
}

OTHERS = word_list(
    """
    lamp tree cup sun moon star book door key road song fish bird leaf river stone cloud house bread
    milk salt sugar water fire grass paper clock window garden bridge tower island forest letter
    music king queen farm field beach box bag ball bell bowl brick brush candle card cave coin corn
    cotton crown desert dream drum egg engine fence flag floor flower gate gift glass gold hill
    honey ice iron jar kite ladder lake map market mirror mountain nail needle nest net ocean oven
    page pen pencil pillow pipe pocket pot queue ring rope sand seed shell silk silver soap spoon
    square stamp sword tent thread ticket tooth town toy valley village wall wheel wing wood wool
    yard
    """
)

WORDS = tuple(dict.fromkeys([*(word for group in CATEGORIES.values() for word in group), *OTHERS]))
SHORT_WORDS = tuple(word for word in WORDS if len(word) <= 5)  # two and a space fit 12 characters
