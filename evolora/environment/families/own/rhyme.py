"""The word that rhymes with another."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number
from evolora.environment.families.words import word_list

RHYMES = tuple(
    word_list(group)
    for group in (
        "cat hat bat mat rat",
        "dog fog log frog jog",
        "sun run fun gun bun",
        "ring king sing wing string",
        "bed red led fed shed",
        "light night right sight fight",
        "cake lake snake bake make",
        "tree bee sea knee key",
        "boat coat goat note vote",
        "pin tin fin win chin",
        "rain train plane lane brain",
        "door floor four more shore",
        "ball wall tall hall call",
        "book cook look hook took",
        "bell well tell shell smell",
        "top hop shop stop drop",
        "nose rose hose toes close",
        "day play way say clay",
        "sand hand land band stand",
        "duck truck luck buck stuck",
    )
)


@own_family("rhyme")
@dataclass(frozen=True)
class Rhyme(OwnFamily):
    """Which word rhymes with cat: sun, hat, bell?"""

    num_choices: int = whole_number(3, 2, 6, "words to choose from")

    def draw(self, rng: Random) -> tuple[str, str]:
        sounding, *different = rng.sample(RHYMES, self.num_choices)
        asked, answer = rng.sample(sounding, 2)
        choices = [answer, *(rng.choice(group) for group in different)]
        rng.shuffle(choices)
        return f"Rhymes with {asked}: {', '.join(choices)}?", answer
