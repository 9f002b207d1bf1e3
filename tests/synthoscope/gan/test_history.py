from synthoscope.gan.history import History


def test_a_long_run_keeps_about_a_thousand_points_and_the_last():
    history = History()
    for step in range(1, 5004):
        history.add(step, 5003, {"loss": step / 2})
    assert len(history.steps) == 1001
    assert history.steps[:2] == [5, 10]
    assert history.steps[-1] == 5003
    assert history.values["loss"][-1] == 2501.5


def test_json_and_back():
    history = History()
    history.add(1, 2, {"loss": 0.5})
    copy = History.from_json(history.to_json())
    assert copy == history
    copy.add(2, 2, {"loss": 0.25})
    assert history.steps == [1]
