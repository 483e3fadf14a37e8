"""A state machine that uses all that there is, as a file."""

from __future__ import annotations

TEXT = """\
experiment: test
camera: top
regions:
  port: {type: circle, center: [100, 100], radius: 30}
triggers:
  at_port: {type: region, region: port, keypoints: [snout]}
metadata: {subject: m12, weight: 21.5}
protocol:
  type: states
  start: ready
  trials:
    order: shuffled
    conditions:
      light: {state: lit}
      dark: {state: unlit}
    repeat: 5
  states:
    ready:
      transitions:
        - {if: trials_left == 0, go: end, reason: done}
        - {when: at_port, go: trial}
    lit:
      enter:
        - {mark: begin}
      leave:
        - {count: visits}
      stimuli:
        - {output: laser, action: on}
      transitions:
        - {after: 3, go: pause}
        - {when: at_port, is: fell, since: begin, after: 1, go: pause}
    unlit:
      enter:
        - {give: {output: sound, action: play}, seconds: 2}
      transitions:
        - {after: 3, do: [{result: success}], go: pause}
    pause:
      transitions:
        - {after: {uniform: [5, 10]}, go: ready}
  stop:
    - {longer_than: 600}
    - {if: [visits >= 10, success > 2]}
    - {stimulated: laser, reaches: 60}
  limits:
    laser: {stimulus: 3, session: 60}
  control: {type: sham, outputs: [laser]}
"""
