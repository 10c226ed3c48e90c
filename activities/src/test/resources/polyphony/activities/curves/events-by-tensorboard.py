"""Writes events-by-tensorboard.bin with TensorBoard's own code (pip install tensorboard==2.21.0)."""
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


def scalar(time, step, tag, value):
    return Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))


with open("events-by-tensorboard.bin", "wb") as file:
    writer = RecordWriter(file)
    for event in [
        Event(wall_time=1795179900.25, file_version="brain.Event:2"),
        scalar(1795179900.25, 0, "accuracy", 0.724),
        scalar(1795183500.5, 1, "accuracy", 0.808),
        scalar(1795183500.5, 1, "generator-1/examples", 777),
    ]:
        writer.write(event.SerializeToString())
    writer.flush()
