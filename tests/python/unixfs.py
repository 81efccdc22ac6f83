"""UnixFS data as protobuf's own library reads it, by the schema that the IPFS project publishes."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DIRECTORY = 1
FILE = 2

OPTIONAL, REQUIRED, REPEATED = 1, 2, 3
UINT64, BYTES, ENUM = 4, 12, 14

# message Data of unixfs.proto: name, number, label, type.
FIELDS = [
    ("Type", 1, REQUIRED, ENUM),
    ("Data", 2, OPTIONAL, BYTES),
    ("filesize", 3, OPTIONAL, UINT64),
    ("blocksizes", 4, REPEATED, UINT64),
    ("hashType", 5, OPTIONAL, UINT64),
    ("fanout", 6, OPTIONAL, UINT64),
]
TYPES = ["Raw", "Directory", "File", "Metadata", "Symlink", "HAMTShard"]


def _message():
    file = descriptor_pb2.FileDescriptorProto(name="unixfs.proto", package="unixfs", syntax="proto2")
    data = file.message_type.add(name="Data")
    kinds = data.enum_type.add(name="DataType")
    for number, name in enumerate(TYPES):
        kinds.value.add(name=name, number=number)
    for name, number, label, kind in FIELDS:
        field = data.field.add(name=name, number=number, label=label, type=kind)
        if kind == ENUM:
            field.type_name = ".unixfs.Data.DataType"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("unixfs.Data"))


Data = _message()


def parse(data):
    """The message in the data field of a dag-pb node."""
    return Data.FromString(bytes(data))
