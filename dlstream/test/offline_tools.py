"""What the tests of replays share."""

EXPERIMENT = """\
experiment: left
camera: top
regions: {left: {type: rectangle, left: 0, top: 0, right: 159, bottom: 239}}
triggers: {in_left: {type: region, region: left, keypoints: [neck]}}
protocol:
  type: region_trials
  trials: {left: {trigger: in_left, stimulus: {output: screen, action: show, values: {image: left}}}}
  lockout: 0
"""
