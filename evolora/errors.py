"""Every error a user can cause: one class per boundary, one clear line each."""


class EvoloraError(Exception):
    """A mistake with a remedy. The message says what was expected, what came, and what to do.

    The command line prints it as one line and exits with `exit_code`.
    """

    exit_code = 2


class ConfigError(EvoloraError):
    """A world file, an override or an option is wrong. Holds every mistake found, not just the first."""

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class HostError(EvoloraError):
    """The language model cannot be found, brought, verified, loaded or adapted."""


class GenomeError(EvoloraError):
    """Adapter weights or traits do not fit the host or each other."""


class TaskError(EvoloraError):
    """A task family or niche is unknown or fails its self-test."""


class LedgerError(EvoloraError):
    """A transfer that the books do not allow. Always a defect in a rule, never in the user's world."""


class RunFolderError(EvoloraError):
    """A run folder cannot be written, read or resumed."""


class BundleError(EvoloraError):
    """A bundle is damaged, is not one, or holds what no bundle may."""


class WorkerError(EvoloraError):
    """Whoever answers for the population is gone, or lacks what it takes."""
