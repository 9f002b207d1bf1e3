"""What Ray runs for a generation job: `python -m services.synthesis.run JOB ATTEMPT`."""

from services.synthesis import generation
from synthoscope_ray.program import run_job

if __name__ == "__main__":
    run_job(generation.run)
