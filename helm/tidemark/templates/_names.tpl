{{- define "tidemark.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tidemark.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Call with a dict of root and component. */}}
{{- define "tidemark.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "tidemark.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "tidemark.dataPlaneImage" -}}
{{ .Values.dataPlane.image.repository | default .Values.image.repository }}:{{ .Values.dataPlane.image.tag | default .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "tidemark.scheme" -}}
{{ if eq .Values.tls.mode "off" }}HTTP{{ else }}HTTPS{{ end }}
{{- end -}}

{{- define "tidemark.claimName" -}}
{{ .Values.state.claim.existingName | default (printf "%s-state" (include "tidemark.name" .)) }}
{{- end -}}

{{/* Where a host folder goes in the list of volumes: folder-0, folder-1, ... */}}
{{- define "tidemark.hostVolumes" -}}
- name: run
  hostPath: {path: {{ .Values.runFolder | quote }}, type: DirectoryOrCreate}
- name: dev
  hostPath: {path: /dev, type: Directory}
- name: machine-id
  hostPath: {path: /etc/machine-id, type: File}
- name: state
{{- if eq .Values.state.kind "claim" }}
  persistentVolumeClaim: {claimName: {{ include "tidemark.claimName" . | quote }}}
{{- else }}
  hostPath: {path: {{ .Values.state.hostPath | quote }}, type: DirectoryOrCreate}
{{- end }}
{{- range $i, $folder := .Values.hostFolders }}
- name: folder-{{ $i }}
  hostPath: {path: {{ $folder | quote }}, type: Directory}
{{- end }}
- name: tmp
  emptyDir: {}
{{- end -}}

{{/* What the appliance reads at TIDEMARK_PROVISION. Credentials become names of files or of a source, nothing else. */}}
{{- define "tidemark.provision" -}}
{{- $targets := list -}}
{{- range .Values.targets -}}
{{- $target := deepCopy . -}}
{{- if eq .kind "S3" -}}
{{- $credentials := dict "source" .s3.credentials.source -}}
{{- if eq .s3.credentials.source "FILE" -}}
{{- $_ := set $credentials "file" (printf "/etc/tidemark/credentials/%s/%s" .name (.s3.credentials.key | default "credentials")) -}}
{{- with .s3.credentials.profile -}}{{- $_ := set $credentials "profile" . -}}{{- end -}}
{{- end -}}
{{- $_ := set $target.s3 "credentials" $credentials -}}
{{- end -}}
{{- $targets = append $targets $target -}}
{{- end -}}
{{- dict "targets" $targets "containers" .Values.containers "policies" .Values.policies | toPrettyJson -}}
{{- end -}}
