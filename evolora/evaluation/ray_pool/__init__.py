"""Ray: workers on this machine or on many. The only package that imports ray; import it only where it is wanted."""

from evolora.evaluation.ray_pool.evaluator import RayEvaluator

__all__ = ["RayEvaluator"]
