#!/usr/bin/env bash
# Installs what the Eclipse plug-in is built, tested and shown with, when something of it is missing: Debian's Eclipse
# Platform 4.26, p2, and an X server with its tools. Installs nothing when all is there.
set -euo pipefail

platform=(
  libeclipse-ui-ide-application-java libeclipse-ui-java libeclipse-ui-workbench-java libeclipse-ui-views-java
  libeclipse-ui-themes-java libeclipse-ui-editors-java libeclipse-ui-workbench-texteditor-java
  libeclipse-ui-navigator-resources-java libeclipse-emf-ecore-change-java libequinox-launcher-java
  libequinox-executable-jni libequinox-app-java libequinox-event-java libequinox-security-java
  libequinox-security-ui-java libeclipse-osgi-compatibility-state-java libequinox-simpleconfigurator-java
  libswt-gtk-4-java libswt-gtk-4-jni libswt-cairo-gtk-4-jni libbatik-java libfelix-scr-java libcommons-jxpath-java
  libicu4j-java libgeronimo-annotation-1.3-spec-java libatinject-jsr330-api-java libsac-java libosgi-compendium-java
  libbcpg-java libbcprov-java libjna-java libservlet-api-java libxz-java
)
p2=(
  libequinox-p2-publisher-eclipse-java libequinox-p2-publisher-java libequinox-p2-repository-tools-java
  libequinox-p2-director-app-java libequinox-p2-director-java libequinox-p2-touchpoint-eclipse-java
  libequinox-p2-touchpoint-natives-java libequinox-p2-updatesite-java libequinox-p2-garbagecollector-java
  libequinox-simpleconfigurator-manipulator-java libequinox-frameworkadmin-equinox-java
  libequinox-p2-extensionlocation-java
)
screen=(xvfb xauth xdotool imagemagick openbox x11-apps x11-utils fonts-dejavu-core dbus-x11)
java=(openjdk-17-jdk-headless maven)
command -v javac >/dev/null && command -v mvn >/dev/null && java=()

missing=()
for package in "${platform[@]}" "${p2[@]}" "${screen[@]}" "${java[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
  echo "The Eclipse plug-in needs Debian packages; install them as root: apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "installing ${#missing[@]} Debian packages for Eclipse"
export DEBIAN_FRONTEND=noninteractive
nice apt-get update -q >/dev/null
nice apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
