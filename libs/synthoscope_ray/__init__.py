"""The Ray glue that services share: job submission, the trainer, storage for Ray."""
