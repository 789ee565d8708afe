#!/bin/sh
# Evaluates a run and refuses it when it is worse than a baseline by more than the policy allows.
#
#   evaluate.sh RUN BASELINE [POLICY]
#
# BASELINE is the run folder or the report.json of what is in use today. Writes report.json, report.html and
# gates.xml (JUnit) to $REPORTS (default: reports), and on GitHub the job's summary and annotations. Other
# options of `tfjs-lora eval` can be set as TFJS_LORA_*, such as TFJS_LORA_DATA.
# Exit code 10: a gate was not met; the reports are complete all the same.
set -eu
usage='usage: evaluate.sh RUN BASELINE [POLICY]'
run=${1:?$usage}
baseline=${2:?$usage}
policy=${3:-$(dirname "$0")/gates.toml}
reports=${REPORTS:-reports}

exec npx tfjs-lora eval "$run" --baseline "$baseline" --policy "$policy" \
  --report "$reports/report.json" --report "$reports/report.html" --report "$reports/gates.xml"
