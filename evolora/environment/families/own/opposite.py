"""The word of opposite meaning."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family
from evolora.environment.families.words import word_list

PAIRS = tuple(
    tuple(pair.split("/"))
    for pair in word_list(
        """
    hot/cold big/small tall/short fast/slow up/down left/right day/night black/white good/bad
    happy/sad rich/poor wet/dry open/closed full/empty hard/soft loud/quiet young/old early/late
    near/far high/low strong/weak light/dark thick/thin wide/narrow clean/dirty cheap/expensive
    easy/difficult true/false first/last always/never before/after above/below inside/outside
    push/pull buy/sell give/take win/lose start/finish love/hate laugh/cry come/go sit/stand
    remember/forget north/south east/west summer/winter morning/evening king/queen man/woman
    boy/girl brother/sister father/mother husband/wife uncle/aunt friend/enemy war/peace life/death
    question/answer begin/end accept/reject arrive/depart ancient/modern asleep/awake brave/cowardly
    sweet/bitter smooth/rough sharp/blunt deep/shallow tight/loose increase/decrease succeed/fail
    attack/defend catch/throw front/back top/bottom major/minor male/female maximum/minimum
    more/less most/least odd/even over/under past/future plus/minus positive/negative private/public
    profit/loss raise/lower shout/whisper simple/complex sunrise/sunset teach/learn victory/defeat
    export/import expand/shrink float/sink freeze/melt build/destroy guilty/innocent hero/villain
    humble/proud include/exclude junior/senior lend/borrow lock/unlock
        """
    )
)


@own_family("opposite")
@dataclass(frozen=True)
class Opposite(OwnFamily):
    """The opposite of hot?"""

    def draw(self, rng: Random) -> tuple[str, str]:
        word, answer = rng.sample(rng.choice(PAIRS), 2)
        return f"The opposite of {word}?", answer
