from synthoscope_ray.waiting import waits_for


def test_the_reason_names_what_is_missing():
    free, total = {"CPU": 0.25}, {"CPU": 2.0}
    assert waits_for({"CPU": 0.75, "GPU": 0.0}, free, total) == "waits for 0.75 CPU: 0.25 of 2 free"
    assert waits_for({"CPU": 0.25, "GPU": 1.0}, free, total) == "waits for 1 GPU: 0 of 0 free"
    assert waits_for({"CPU": 0.25}, free, total) == "its workers are starting"
    assert waits_for({"CPU": 1.5}, {}, total) == "waits for 1.5 CPU: 0 of 2 free"
