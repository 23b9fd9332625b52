"""Molecules: files of their atoms, or what RDKit knows."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from artifacts._parts import in_parts
from artifacts.media import _molecule_files
from artifacts.media._needs import need
from artifacts.media._one_file import OneFile, existing_file, format_of, is_path, take_file
from artifacts.store.errors import InvalidInputError, InvalidTypeError

_RDKIT_FORMATS = ("mol", "sdf")
_SEED = 1  # of the first guess where atoms are: the same molecule is the same file


@in_parts
class Molecule(OneFile):
    """A molecule in three dimensions.

    Args:
        data_or_path: A file in one of the formats of `SUPPORTED_TYPES`: its path, or an open one;
            it is kept as it is.
        caption: What is shown with it.
        file_type: Format of an open file that has no name with a suffix.

    Raises:
        InvalidInputError: There is no such format, or the file is not of it.
        InvalidTypeError: It is no file.
    """

    type_name = "molecule-file"
    batch_name: ClassVar[str | None] = "molecule"
    folder = "molecule"

    SUPPORTED_TYPES = frozenset(_molecule_files.FORMATS)
    """Formats of files."""

    SUPPORTED_RDKIT_TYPES = frozenset(_RDKIT_FORMATS)
    """Formats of files that `from_rdkit` reads."""

    def __init__(
        self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None
    ) -> None:
        content, format_ = take_file(data_or_path, _molecule_files.FORMATS, file_type)
        _molecule_files.check(content, format_)
        self._hold(content, format_, caption)

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Self:
        """Return the molecule that a SMILES string describes.

        Args:
            data: Such as ``CCO``.
            caption: What is shown with it.
            sanitize: Refuse what is chemically impossible.
            convert_to_3d_and_optimize: Find out where its atoms are; takes long for large ones.
            mmff_optimize_molecule_max_iterations: Steps of that.

        Raises:
            InvalidInputError: It describes none, or no places of its atoms can be found.
            ConfigError: RDKit is not installed; the hint says how to.
        """
        chem = need("rdkit.Chem", "rdkit", extra="molecules")
        if not isinstance(data, str):
            raise InvalidTypeError(f"data must be a SMILES string, not {type(data).__name__}")
        found = chem.MolFromSmiles(data, sanitize=sanitize) if data.strip() else None
        if found is None:
            raise InvalidInputError(f"data is no SMILES string of a possible molecule: {data!r}")
        return cls.from_rdkit(
            found, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations
        )

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Self:
        """Return a molecule of RDKit, as a PDB file.

        Args:
            data_or_path: ``rdkit.Chem.Mol``, or the path of a ``.mol`` or ``.sdf`` file, of which
                the first molecule is taken.
            caption: What is shown with it.
            convert_to_3d_and_optimize: Find out where its atoms are; takes long for large ones.
            mmff_optimize_molecule_max_iterations: Steps of that.

        Raises:
            InvalidInputError: The file cannot be read, or no places of its atoms can be found.
            InvalidTypeError: It is neither.
            ConfigError: RDKit is not installed; the hint says how to.
        """
        chem = need("rdkit.Chem", "rdkit", extra="molecules")
        if is_path(data_or_path):
            path = existing_file(data_or_path)
            format_of(path, _RDKIT_FORMATS)
            found = chem.MolFromMolFile(str(path))
            if found is None:
                raise InvalidInputError(f"data_or_path holds no molecule: {path.name}")
        elif isinstance(data_or_path, chem.Mol):
            found = data_or_path
        else:
            raise InvalidTypeError(
                "data_or_path must be a path or a rdkit.Chem.Mol, not "
                f"{type(data_or_path).__name__}"
            )
        if convert_to_3d_and_optimize:
            found = _in_space(found, mmff_optimize_molecule_max_iterations)
        molecule = cls.__new__(cls)
        molecule._hold(chem.MolToPDBBlock(found).encode(), "pdb", caption)
        return molecule

    def text(self) -> str:
        """Return the contents of the file, which is text in all formats but MMTF.

        Raises:
            InvalidInputError: It is of MMTF.
            EntryNotFoundError: The file was logged, and is not there any more.
        """
        if self.format in _molecule_files.BINARY:
            raise InvalidInputError(f"a file of {self.format} is not text; use open()")
        with self.open() as file:
            return file.read().decode("utf-8", "replace")


def _in_space(found: Any, steps: int) -> Any:
    """Return a molecule with all its atoms, and where they are."""
    all_chem = need("rdkit.Chem.AllChem", "rdkit", extra="molecules")
    # What was not sanitized does not know yet how many hydrogens it lacks, and its rings.
    found = all_chem.Mol(found)
    found.UpdatePropertyCache(strict=False)
    all_chem.FastFindRings(found)
    whole = all_chem.AddHs(found)
    # The second way takes longer, and finds places for large molecules.
    if all(
        all_chem.EmbedMolecule(whole, randomSeed=_SEED, useRandomCoords=anywhere) != 0
        for anywhere in (False, True)
    ):
        raise InvalidInputError(
            "no places of the atoms of data can be found",
            hint="pass convert_to_3d_and_optimize=False",
        )
    if all_chem.MMFFHasAllMoleculeParams(whole):
        all_chem.MMFFOptimizeMolecule(whole, maxIters=steps)
    return whole
