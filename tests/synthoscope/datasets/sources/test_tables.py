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


def attributes_of(text: str, **options: object) -> dict[str, str]:
    (row,) = read_table(text.encode(), "t.csv", **options)
    return dict(row.attributes)


def test_columns_for_subgroups_are_kept_in_one_form() -> None:
    table = "path,label,Gender,age,scanner,view_position,subtype,name\na.png,x,female,045Y,S1,PA,virus,Smith\n"
    known = {"sex": "F", "age_band": "40-49", "device": "S1", "view": "PA"}
    assert attributes_of(table) == known
    assert attributes_of(table, kept=["SubType"]) == known | {"subtype": "virus"}
    assert attributes_of(table, columns={"view": "subtype"}) == known | {"view": "virus"}
    dicom = "path,label,PatientSex,PatientAge,Manufacturer,ViewPosition\na.png,x,F,041Y,S1,PA\n"
    assert attributes_of(dicom) == known


def test_unknown_values_are_left_out() -> None:
    assert attributes_of("path,label,sex,age,view,device\na.png,x,,NA, ,unknown\n") == {}
    assert attributes_of("path,label,sex,age\na.png,x,m\n") == {"sex": "M"}


def test_a_column_can_be_left_out() -> None:
    table = "path,label,sex,device\na.png,x,F,CT01 serial number 1234\n"
    assert attributes_of(table, columns={"device": ""}) == {"sex": "F"}


def test_columns_that_are_asked_for_get_a_name() -> None:
    table = "path,label,class,gender,sex,Sub Type\na.png,x,benign,woman,F,virus\n"
    asked = ["Sub Type", "class", "gender", "sex"]
    assert attributes_of(table, kept=asked) == {"sex": "F", "class": "benign", "gender": "woman", "sub_type": "virus"}


@pytest.mark.parametrize(("kept", "message"), [
    ("subtype", "has no column 'subtype'"),
    ("patient_key", "column 'patient_key' says each image's patient"),
    ("patient_id", "patient_id would tell who a patient is"),
    ("path", "says each image's path"),
    ("SOPInstanceUID", "says each image's sopinstanceuid"),
    ("age", "age would tell who a patient is"),
    ("split", "split is something else already"),
    ("9th", "must match"),
])  # fmt: skip
def test_columns_that_cannot_be_attributes_are_refused(kept: str, message: str) -> None:
    table = b"path,label,patient_id,patient_key,SOPInstanceUID,age_band,age,split,9th\na.png,x,p,q,1.2,40-49,45,a,b\n"
    with pytest.raises(InvalidInput, match=message):
        read_table(table, "t.csv", {"patient": "patient_key", "split": ""}, [kept])


def test_more_than_eight_attributes_are_refused() -> None:
    names = [f"c{number}" for number in range(8)]
    table = f"path,label,{','.join(names)},sex\na.png,x,{'v,' * 8}F\n"
    with pytest.raises(InvalidInput, match="there are 9; at most 8"):
        attributes_of(table, kept=names)
    assert len(attributes_of(table, kept=names[1:])) == 8


@pytest.mark.parametrize(("column", "text", "message"), [
    ("age", "young", "t.csv line 3, age_band 'young': must be an age in years"),
    ("age", "41-50", "line 3, age_band '41-50': must be a band of ten years"),
    ("gender", "x", "line 3, sex 'x': must be F, M or O"),
    ("view", "v" * 65, "line 3, view 'v{40}': must be at most 64"),
])  # fmt: skip
def test_a_wrong_value_is_named_by_its_line(column: str, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_table(f"path,label,{column}\na.png,x,\nb.png,x,{text}\n".encode(), "t.csv")
