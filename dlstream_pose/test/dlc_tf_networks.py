"""Small networks of DeepLabCut 2 with weights of chance, laid out as its `export_model` writes them.

The backbones are those that DeepLabCut 2 builds on: tf_slim's ResNet and DeepLabCut's own MobileNetV2.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

KEYPOINTS = ["snout", "leftear", "rightear", "tailbase"]
_MEAN = (123.68, 116.779, 103.939)


def _empty_packages(*names: str) -> None:
    """Lets modules of packages be imported without all that these import, such as torch."""
    from importlib.util import find_spec

    for name in names:
        if name not in sys.modules:
            spec = find_spec(name)
            assert spec is not None
            module = ModuleType(name)
            module.__path__ = list(spec.submodule_search_locations or [])
            sys.modules[name] = module


def _old_layers() -> None:
    """tf_slim asks TensorFlow for layers that have moved; DeepLabCut shows it the way like this."""
    from importlib import import_module

    sys.modules["tf_keras.legacy_tf_layers"] = import_module("tf_keras.src.legacy_tf_layers")
    for name in ("base", "convolutional", "core", "normalization", "pooling"):
        sys.modules[f"tf_keras.legacy_tf_layers.{name}"] = import_module(f"tf_keras.src.legacy_tf_layers.{name}")


def write(folder: Path, net_type: str, locref: bool = True, decoded: bool = False, stride: float = 8.0) -> Path:
    """Writes a folder with a frozen graph and pose_cfg.yaml; `decoded`: with the poses made by the graph."""
    import tensorflow as tf

    _old_layers()
    folder.mkdir(parents=True, exist_ok=True)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(3)
        image = v1.placeholder(tf.float32, [None, None, None, 3])
        features = _features(image - tf.constant(_MEAN, shape=[1, 1, 1, 3], name="img_mean"), net_type)
        count = len(KEYPOINTS)
        ends = ["Sigmoid", "pose/part_pred/block4/BiasAdd"]
        offsets = None
        with v1.variable_scope("pose"):
            part = _head(features, "part_pred", count)
            if locref:
                offsets = _head(features, "locref_pred", 2 * count)
                ends[1] = "pose/locref_pred/block4/BiasAdd"
        scores = tf.sigmoid(part)
        if decoded:
            _pose(scores, offsets, stride)
            ends = ["concat_1"]
        session.run(v1.global_variables_initializer())
        _spread(session, part, image, "part_pred", -6.0, 2.0)
        if offsets is not None:
            _spread(session, offsets, image, "locref_pred", -0.6, 0.6)
        frozen = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ends)
        (folder / "snapshot-1000.pb").write_bytes(frozen.SerializeToString())
    names = "\n".join(f"- {name}" for name in KEYPOINTS)
    (folder / "pose_cfg.yaml").write_text(
        f"all_joints_names:\n{names}\nlocation_refinement: {str(locref).lower()}\nlocref_stdev: 7.2801\n"
        f"net_type: {net_type}\nnum_joints: {count}\nnum_outputs: 1\nstride: {stride}\n"
        "dataset_type: imgaug\npartaffinityfield_predict: false\n"
    )
    return folder


def _features(image: Any, net_type: str) -> Any:
    import tf_slim as slim

    if net_type.startswith("resnet"):
        from tf_slim.nets import resnet_v1

        with slim.arg_scope(resnet_v1.resnet_arg_scope()):
            return resnet_v1.resnet_v1_50(image, global_pool=False, output_stride=16, is_training=False)[0]
    packages = ("deeplabcut", "deeplabcut.pose_estimation_tensorflow", "deeplabcut.pose_estimation_tensorflow.nnets")
    _empty_packages(*packages)
    from deeplabcut.pose_estimation_tensorflow.backbones import mobilenet_v2

    with slim.arg_scope(mobilenet_v2.training_scope()):
        depth = float(net_type.rpartition("_")[2])
        return mobilenet_v2.mobilenet_base(image, depth_multiplier=depth, finegrain_classification_mode=depth < 1)[0]


def _head(features: Any, name: str, channels: int) -> Any:
    import tensorflow as tf
    import tf_slim as slim

    with tf.compat.v1.variable_scope(name):
        return slim.conv2d_transpose(
            features, channels, kernel_size=[3, 3], stride=2, scope="block4", activation_fn=None, normalizer_fn=None
        )


def _pose(scores: Any, offsets: Any, stride: float) -> None:
    """As DeepLabCut exports for inference on a graphics card: y, x, confidence from the graph itself."""
    import tensorflow as tf

    shape = tf.shape(scores)
    offsets = tf.transpose(tf.reshape(offsets, (shape[0], shape[1], shape[2], shape[3], 2)), perm=[1, 2, 0, 3, 4])
    scores = tf.transpose(scores, perm=[1, 2, 0, 3])
    shape = tf.shape(scores)
    offsets = tf.reshape(offsets, (shape[0] * shape[1], -1, 2))
    scores = tf.reshape(scores, (shape[0] * shape[1], -1))
    best = tf.argmax(scores, axis=0)
    place = tf.unravel_index(best, (tf.cast(shape[0], tf.int64), tf.cast(shape[1], tf.int64)))
    best = tf.reshape(best, (1, -1))
    joints = tf.reshape(tf.range(0, tf.cast(shape[2] * shape[3], tf.int64)), (1, -1))
    indices = tf.transpose(tf.concat([best, joints], axis=0))
    offset = tf.gather(tf.gather_nd(offsets, indices), [1, 0], axis=1)
    likelihood = tf.reshape(tf.gather_nd(scores, indices), (-1, 1))
    pose = stride * tf.cast(tf.transpose(place), tf.float32) + stride * 0.5 + offset * 7.2801
    tf.concat([pose, likelihood], axis=1)


def _spread(session: Any, maps: Any, image: Any, name: str, low: float, high: float) -> None:
    """Scales a head's weights, so that what it gives reaches from low to high on an image."""
    import tensorflow as tf

    random = np.random.default_rng(5)
    found = session.run(maps, {image: random.uniform(0, 255, (1, 128, 160, 3))})[0]
    bottom, top = found.min(axis=(0, 1)), found.max(axis=(0, 1))
    gain = (high - low) / np.maximum(top - bottom, 1e-6)
    for variable in tf.compat.v1.global_variables():
        if variable.name.startswith(f"pose/{name}/block4/weights"):
            session.run(variable.assign(session.run(variable) * gain[:, None]))
        elif variable.name.startswith(f"pose/{name}/block4/biases"):
            session.run(variable.assign(session.run(variable) * gain + low - bottom * gain))
