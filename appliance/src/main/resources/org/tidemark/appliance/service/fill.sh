# Fills an empty file system with a directory tree. Runs in a mount namespace of its own, so that nothing stays mounted
# whatever ends it, and works from a root of its own in which programs are read-only: a link in the source that points to
# /etc ends up nowhere.
#
# $1 block device   $2 type of its file system   $3 an empty folder   $4 the source folder
# further: layers of an OCI image, files below the source, bottom first; none: the source is the tree
set -eu
device=$1 type=$2 root=$3 source=$4
shift 4
mount -t tmpfs -o size=16m,mode=0700 tidemark "$root"
cd "$root"
mkdir usr image source dev tmp
mount -t "$type" "$device" image
mount -o bind,ro "$source" source
mount -o bind,ro /usr usr
for folder in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$folder" ]; then
        cp -P "/$folder" .
    elif [ -d "/$folder" ]; then
        mkdir "$folder"
        mount -o bind,ro "/$folder" "$folder"
    fi
done
: > dev/null
mount -o bind /dev/null dev/null
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# This namespace began with a copy of all mounts. Those of other devices of ours would keep these from being detached as long
# as the copying takes; what the source lies on is bound above.
while read -r mounted at rest; do
    case $mounted in /dev/loop*) ;; *) continue ;; esac
    case $at in "$PWD"/*) continue ;; esac
    backing=$(cat "/sys/block/${mounted#/dev/}/loop/backing_file" 2>/dev/null) || continue
    if grep -qF "tidemark $backing fuse" /proc/mounts; then
        umount -l "$(printf %b "$at")" || :
    fi
done < /proc/mounts
if [ $# = 0 ]; then
    # One file system only: what is mounted in a root file system (proc, sys, volumes) is not part of it.
    chroot . cp -dR -x --preserve=mode,ownership,timestamps,links,xattr /source/. /image/
fi
for layer; do
    # What a layer takes away goes before what it brings.
    chroot . tar -t --quoting-style=literal -f "/source/$layer" | { grep -E '(^|/)\.wh\.' || :; } | while IFS= read -r gone; do
        name=${gone##*/}
        folder=${gone%"$name"}
        if [ "$name" = .wh..wh..opq ]; then
            [ ! -d "image/$folder" ] || chroot . find "/image/$folder" -mindepth 1 -delete
        else
            name=${name#.wh.}
            case $name in '' | . | ..) echo "the layer $layer takes away '$gone'" >&2; exit 1 ;; esac
            chroot . rm -rf -- "/image/$folder$name"
        fi
    done
    chroot . tar -x -p -S --numeric-owner --xattrs --xattrs-include='*' --acls --exclude='.wh.*' \
        -C /image -f "/source/$layer"
done
umount image
