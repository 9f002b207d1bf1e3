import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources.tables import is_manifest, read_table
from synthoscope.rpc.errors import InvalidInput

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


def read(text: str, columns: dict[str, str] | None = None) -> list[tuple]:
    rows = read_table(text.encode(), "t.csv", columns)
    return [(row.path, row.uid, row.label, row.patient, row.split, row.frame) for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "path,label,patient,split,frame\na.png,x,p,test,2\n",
        "\ufeffSplit;FRAME;Patient_ID;Class;File\nTesting;2;p;x;a.png\n",
        'Filename\tDiagnosis\tset\tpatientid\tframe\tage\r\n"a.png"\tx\tTEST\tp\t2\t7\r\n\r\n',
        "frame,split,label,patient,path\n 2 , test , x , p , ./a.png \n",
    ],
    ids=["plain", "semicolons", "tabs", "spaces"],
)
def test_columns_may_come_in_any_order_and_case(text: str) -> None:
    assert read(text) == [("a.png", "", "x", "p", TEST, 2)]


def test_what_is_absent_is_empty() -> None:
    assert read("label,path\nx,a.png\n") == [("a.png", "", "x", "", None, 0)]
    assert read("path,label,patient,frame\na.png,x\n") == [("a.png", "", "x", "", None, 0)]


def test_rows_may_name_dicom_uids() -> None:
    text = "StudyInstanceUID,SOPInstanceUID,label\n1.2,1.2.3,x\n1.4,,y\n"
    assert [row[1] for row in read(text)] == ["1.2.3", "1.4"]


def test_a_column_may_be_chosen() -> None:
    text = "path,label,patient_id,patient_key\na.png,x,7,person7_virus\n"
    assert read(text)[0][3] == "7"
    assert read(text, {"patient": "Patient_Key"})[0][3] == "person7_virus"
    with pytest.raises(InvalidInput, match="no column 'nosuch'"):
        read(text, {"patient": "nosuch"})
    with pytest.raises(InvalidInput, match="choose from path, label"):
        read(text, {"age": "patient_id"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'label'"),
        ("path,age\na,1\n", "no column 'label'"),
        ("label,age\nx,1\n", "no column 'path'"),
        ("path,label\na.png,\n", "line 2: has no label"),
        ("path,label\na.png,x\n,x\n", "line 3: names no file"),
        ("path,label,split\na.png,x,dev\n", "line 2: has split 'dev'"),
        ("path,label,frame\na.png,x,-1\n", "line 2: has frame"),
        ("path,label,frame\na.png,x,9999999999\n", "line 2: has frame"),
        ("path,label,frame\na.png,x,²\n", "line 2: has frame"),
        ('path,label\n"a.png,x\n', "cannot be read as CSV"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(text)


def test_other_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read_table(b"path,label\n\xff\xfe,x\n", "t.csv")


def test_validation_rows_are_marked() -> None:
    rows = read_table(b"path,label,split\na,x,val\nb,x,train\n", "t.csv")
    assert [row.unused for row in rows] == [True, False]


def test_a_table_of_labels_is_known_by_its_header() -> None:
    assert is_manifest(b"Split;Label;Path\r\n")
    assert is_manifest(b'"path","class"\n')
    assert not is_manifest(b"path_a,path_b,kind\n1,2,3\n")
    assert not is_manifest(b"\x89PNG")


def test_columns_for_subgroups_are_kept_in_one_form():
    table = b"path,label,Gender,age,scanner,view_position,subtype,name\na.png,x,female,045Y,S1,PA,virus,Smith\n"
    (row,) = read_table(table, "t.csv", kept=["subtype"])
    assert row.attributes == {
        "sex": "F", "age_band": "40-49", "device": "S1", "view": "PA", "subtype": "virus",
    }  # fmt: skip
    (row,) = read_table(table, "t.csv", {"view": "subtype"})
    assert row.attributes["view"] == "virus"


def test_a_wrong_value_is_named_by_its_line_and_an_absent_column_by_its_name():
    with pytest.raises(InvalidInput, match=r"t.csv line 3, age_band: must be an age"):
        read_table(b"path,label,age\na.png,x,4\nb.png,x,young\n", "t.csv")
    with pytest.raises(InvalidInput, match="has no column 'subtype'"):
        read_table(b"path,label\na.png,x\n", "t.csv", kept=["subtype"])
