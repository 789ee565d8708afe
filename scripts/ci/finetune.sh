#!/bin/sh
# Fine-tunes a base on the digits it is weak at, and refuses the result when it breaks the policy.
#
#   finetune.sh BASE OUT DIGITS [POLICY]
#
# DIGITS is a list such as 2,3,5,8,9; OUT is replaced when it holds a run. Writes report.json, report.html and
# gates.xml (JUnit) to $REPORTS (default: reports), and on GitHub the job's summary and annotations. Other
# options of `tfjs-lora finetune` can be set as TFJS_LORA_*, such as TFJS_LORA_REPLAY=0.5.
# Exit code 10: a gate was not met; run and reports are complete all the same.
set -eu
usage='usage: finetune.sh BASE OUT DIGITS [POLICY]'
base=${1:?$usage}
out=${2:?$usage}
digits=${3:?$usage}
policy=${4:-$(dirname "$0")/gates.toml}
reports=${REPORTS:-reports}

exec npx tfjs-lora finetune "$base" --out "$out" --overwrite --digits "$digits" --policy "$policy" \
  --report "$reports/report.json" --report "$reports/report.html" --report "$reports/gates.xml"
