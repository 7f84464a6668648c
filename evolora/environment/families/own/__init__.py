"""Our own families, one small file each, found by themselves.

Adding one is adding one file here:

    @own_family("double")
    @dataclass(frozen=True)
    class Double(OwnFamily):
        '''Twice a number.'''

        largest: int = whole_number(99, 50, 10_000, "largest number to double")

        def draw(self, rng: Random) -> tuple[str, str]:
            number = rng.randint(1, self.largest)
            return f"Twice {number}?", str(2 * number)

The shared tests in tests/environment then run over it. Offer at least 170 different questions at every
setting: a quarter of them is held out for testing, and 32 test tasks are the least a niche may have.
"""

import importlib
import pkgutil

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
