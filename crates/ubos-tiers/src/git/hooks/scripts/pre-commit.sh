#!/bin/sh
# Made by `ubos-sync backup hooks install`; `ubos-sync backup hooks remove` takes it away again.
# What is about to be committed is checked; `git commit --no-verify` passes that by.

program=@PROGRAM@
here=$(dirname -- "$0")
former=$here/pre-commit.before-ubos-sync

# The hook that was here before comes first.
if [ -f "$former" ] && [ -x "$former" ]; then
    if [ -f "$here/h" ]; then
        # husky's hooks look at their own name: they run under the one they had.
        sh -c '. "$0.before-ubos-sync"' "$here/pre-commit" "$@" || exit $?
    else
        "$former" "$@" || exit $?
    fi
fi

# Other work trees of this repository are no territories.
[ -d .ubos-sync ] || exit 0

[ -x "$program" ] || program=$(command -v ubos-sync)
if [ -z "$program" ]; then
    echo "ubos-sync is no longer where it was; this commit was not checked (\`ubos-sync backup hooks install\` mends it)" >&2
    exit 0
fi

"$program" --root . backup check --staged >&2
code=$?
case $code in
    0) exit 0 ;;
    3)
        echo "nothing was committed; \`git commit --no-verify\` commits all the same" >&2
        exit 1
        ;;
    # Ended by a signal: so is the commit.
    129 | 13[0-9] | 14[0-9]) exit "$code" ;;
    *)
        echo "ubos-sync could not check this commit; it goes on" >&2
        exit 0
        ;;
esac
