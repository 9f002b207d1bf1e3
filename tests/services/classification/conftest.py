import warnings

with warnings.catch_warnings():  # Ray's own models use what pydantic deprecates
    warnings.simplefilter("ignore")
    import ray.serve  # noqa: F401
