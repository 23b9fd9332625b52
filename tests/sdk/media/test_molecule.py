"""Molecules: files of each format, and what RDKit makes."""

import io
import sys
from typing import Any, cast

import msgspec
import pytest
from rdkit import Chem

import artifacts
from tests.sdk.helpers import hint_of
from tests.sdk.media.trips import contents, through_artifact, through_run

PDB = b"""HEADER    WATER
HETATM    1  O   HOH A   1      -0.239   0.309  10.000  1.00  0.00           O
HETATM    2  H1  HOH A   1       0.761-100.309   0.000  1.00  0.00           H
END
"""
CIF = b"# made by hand\n\ndata_water\nloop_\n_atom_site.id\n1\n"
SDF = b"""water
  by hand

  1  0  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 O   0  0
M  END
$$$$
"""
GRO = b"""water
    1
    1SOL     OW    1   0.126   1.624   1.679
   1.86206   1.86206   1.86206
"""
FILES = {
    "pdb": PDB,
    "pqr": b"ATOM 1 N ASN 1 26.861 40.892 42.032 0.1 1.8\n",
    "mmcif": CIF,
    "mcif": CIF,
    "cif": CIF,
    "sdf": SDF,
    "sd": SDF,
    "gro": GRO,
    "mol2": b"@<TRIPOS>MOLECULE\nwater\n",
    "mmtf": msgspec.msgpack.encode({"mmtfVersion": "1.0", "numAtoms": 1}),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_a_file_is_kept_as_it_is(tmp_path, name, through):
    path = tmp_path / f"water.{name}"
    path.write_bytes(FILES[name])
    found = through(artifacts.Molecule(path, caption="water"))
    assert contents(found) == FILES[name]
    assert (found.format, found.caption) == (name, "water")
    assert found["_type"] == "molecule-file"
    assert found["path"].startswith("media/molecule/")
    assert found["path"].endswith(f".{name}")


def test_an_open_file_is_known_by_its_name_or_its_type(tmp_path):
    path = tmp_path / "water.pdb"
    path.write_bytes(PDB)
    with path.open() as file:
        assert contents(artifacts.Molecule(file)) == PDB
    assert artifacts.Molecule(io.StringIO(PDB.decode()), file_type="pdb").format == "pdb"
    with pytest.raises(artifacts.InvalidInputError, match="file_type is needed"):
        artifacts.Molecule(io.BytesIO(PDB))
    with pytest.raises(artifacts.InvalidInputError, match="file_type must be one of pdb, pqr"):
        artifacts.Molecule(io.BytesIO(PDB), file_type="xyz")


def test_a_file_can_be_read_as_text(tmp_path):
    for name in ("gro", "mmtf"):
        (tmp_path / f"water.{name}").write_bytes(FILES[name])
    assert artifacts.Molecule(tmp_path / "water.gro").text() == GRO.decode()
    with pytest.raises(artifacts.InvalidInputError, match="mmtf is not text"):
        artifacts.Molecule(tmp_path / "water.mmtf").text()


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("pdb", b"HEADER    WATER\nEND\n", "no record ATOM or HETATM"),
        ("pdb", b"ATOM  without numbers\n", "no record ATOM or HETATM"),
        ("pdb", bytes(range(128, 256)), "it is not text"),
        ("pqr", b"", "no record ATOM or HETATM"),
        ("cif", b"\n# nothing\n", "it is empty"),
        ("mmcif", b"loop_\n", "does not begin with data_"),
        ("sdf", SDF.replace(b"M  END", b""), "no line 'M  END'"),
        ("gro", b"water\n", "second line is not the number of atoms"),
        ("gro", b"water\n many\n", "second line is not the number of atoms"),
        ("gro", GRO.replace(b"    1\n", b"    2\n", 1), "fewer lines than its 2 atoms"),
        ("mol2", b"water\n", "no @<TRIPOS>MOLECULE"),
        ("mmtf", b"\xc1", "it is not MessagePack"),
        ("mmtf", b"\x80", "no mmtfVersion"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, data, why):
    path = tmp_path / f"water.{name}"
    path.write_bytes(data)
    with pytest.raises(
        artifacts.InvalidInputError, match=f"data_or_path is no {name} file: .*{why}"
    ):
        artifacts.Molecule(path)


def test_what_is_no_molecule_is_refused(tmp_path):
    with pytest.raises(artifacts.InvalidTypeError, match="data_or_path must be a path"):
        artifacts.Molecule(3)
    with pytest.raises(artifacts.InvalidInputError, match="data_or_path does not exist"):
        artifacts.Molecule("CCO.pdb")
    (tmp_path / "water.xyz").touch()
    with pytest.raises(artifacts.InvalidInputError, match="suffix of pdb, pqr"):
        artifacts.Molecule(tmp_path / "water.xyz")


def test_smiles_become_atoms_in_space():
    found = through_artifact(artifacts.Molecule.from_smiles("CCO", caption="ethanol"))
    assert (found.format, found.caption) == ("pdb", "ethanol")
    read = Chem.MolFromPDBBlock(found.text(), removeHs=False)
    assert read.GetNumAtoms() == 9
    assert any(abs(z) > 0.1 for _, _, z in read.GetConformer().GetPositions())
    again = artifacts.Molecule.from_smiles("CCO")
    assert again.text() == found.text()


def test_what_is_not_sanitized_becomes_atoms_too():
    found = artifacts.Molecule.from_smiles("c1ccccc1O", sanitize=False)
    assert found.text().count("HETATM") == 13


def test_the_places_of_atoms_need_not_be_found_out():
    found = artifacts.Molecule.from_smiles("CCO", convert_to_3d_and_optimize=False)
    assert Chem.MolFromPDBBlock(found.text()).GetNumAtoms() == 3


def test_objects_and_files_of_rdkit_become_molecules(tmp_path):
    water = Chem.AddHs(Chem.MolFromSmiles("O"))
    assert artifacts.Molecule.from_rdkit(water).text().count("HETATM") == 3
    path = tmp_path / "water.mol"
    path.write_text(Chem.MolToMolBlock(water))
    assert artifacts.Molecule.from_rdkit(path, caption="water").caption == "water"


@pytest.mark.parametrize("data", ["", "no molecule", "C(C)(C)(C)(C)C"])
def test_impossible_molecules_are_refused(data):
    with pytest.raises(artifacts.InvalidInputError, match="data is no SMILES string"):
        artifacts.Molecule.from_smiles(data)


def test_what_rdkit_does_not_know_is_refused(tmp_path):
    with pytest.raises(artifacts.InvalidTypeError, match="data must be a SMILES string"):
        artifacts.Molecule.from_smiles(cast("Any", 3))
    with pytest.raises(artifacts.InvalidTypeError, match=r"must be a path or a rdkit\.Chem\.Mol"):
        artifacts.Molecule.from_rdkit(3)
    (tmp_path / "water.mol").write_text("nothing")
    with pytest.raises(artifacts.InvalidInputError, match="holds no molecule"):
        artifacts.Molecule.from_rdkit(tmp_path / "water.mol")


def test_rdkit_is_asked_for_when_it_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(artifacts.ConfigError) as caught:
        artifacts.Molecule.from_smiles("CCO")
    assert "pip install" in hint_of(caught)
    assert caught.value.kind == "not_installed"
