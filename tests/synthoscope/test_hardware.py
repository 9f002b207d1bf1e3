import platform

from synthoscope import hardware


def test_the_processor_is_named_as_linux_does(monkeypatch, tmp_path):
    information = tmp_path / "cpuinfo"
    information.write_text("processor\t: 0\nmodel name\t: A fast one @ 3 GHz\nprocessor\t: 1\nmodel name\t: Another\n")
    monkeypatch.setattr(hardware, "_CPU_INFORMATION", information)
    assert hardware.processor_name() == "A fast one @ 3 GHz"


def test_elsewhere_it_is_what_python_knows(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "_CPU_INFORMATION", tmp_path / "none")
    assert hardware.processor_name() == (platform.processor() or platform.machine())
