"""How exams of a living population go: a section of the world file."""

from pydantic import Field

from evolora.config.section import Count, Section


class ExamConfig(Section):
    """An exam on held-out tasks, outside the economy: some organisms are kept, a router says who answers which task,
    and all of them are scored beside the best organism alone and the bare host."""

    size: Count = Field(6, description="Organisms kept, by greedy coverage of the selection tasks.")
    candidates: Count = Field(
        16,
        description="Organisms that sit the exam at most; of more living, those that cover the niches best by their "
        "recent scores.",
    )
    selection_tasks: Count = Field(
        8, description="Tasks of each niche that choose whom to keep and teach the router, answered by all candidates."
    )
    held_out_tasks: Count = Field(
        16,
        description="Other tasks of each niche that score the kept and the bare host; what `evolora portfolio` tests "
        "with in the end are others still.",
    )
