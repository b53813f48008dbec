{{/* hub.yaml: what is in `config`, and what a pod needs. */}}
{{- define "portolan.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $host := .Values.listenHost -}}
{{- $name := include "portolan.name" . -}}
{{- $namespace := .Release.Namespace -}}
{{- $_ := set $config "dataDir" "/var/lib/portolan/data" -}}
{{- $_ := set $config "secrets" (dict "keyFile" "/etc/portolan/keys/data.key") -}}
{{- $_ := set $config "admin" (dict "listen" (include "portolan.listen" (dict "host" $host "port" 9464))) -}}
{{- $api := dict "host" "127.0.0.1" "port" 7460 -}}
{{- if .Values.api.tlsSecret -}}
{{- $short := printf "%s-api" $name -}}
{{- $hosts := concat (list $short (printf "%s.%s" $short $namespace) (printf "%s.%s.svc" $short $namespace) (printf "%s.%s.svc.cluster.local" $short $namespace) "localhost" "127.0.0.1") .Values.api.hosts -}}
{{- $api = dict "host" $host "port" 7460 "allowedHosts" (uniq $hosts) "tls" (dict "certFile" "/etc/portolan/api-tls/tls.crt" "keyFile" "/etc/portolan/api-tls/tls.key") -}}
{{- end -}}
{{- $_ := set $config "api" $api -}}
{{- $agents := deepCopy (get $config "agents" | default dict) -}}
{{- $_ := set $agents "joinListen" (include "portolan.listen" (dict "host" $host "port" 7461)) -}}
{{- $_ := set $agents "linkListen" (include "portolan.listen" (dict "host" $host "port" 7462)) -}}
{{- if not (get $agents "advertise") -}}
{{- $_ := set $agents "advertise" (list (printf "%s-agents.%s.svc" $name $namespace)) -}}
{{- end -}}
{{- $_ := set $config "agents" $agents -}}
{{- $dns := deepCopy (get $config "dns" | default dict) -}}
{{- $_ := set $dns "listen" (list (include "portolan.listen" (dict "host" $host "port" 5353))) -}}
{{- $_ := set $config "dns" $dns -}}
{{- if .Values.customResources.enabled -}}
{{- $sources := deepCopy (get $config "sources" | default dict) -}}
{{- $_ := set $sources "kubernetes" (merge (dict "enabled" true) (get $sources "kubernetes" | default dict)) -}}
{{- $_ := set $config "sources" $sources -}}
{{- end -}}
{{- if gt (int .Values.replicas) 1 -}}
{{- $election := deepCopy (get $config "election" | default dict) -}}
{{- $_ := set $election "mode" "kubernetes" -}}
{{- $_ := set $election "lease" (dict "name" $name) -}}
{{- $_ := set $config "election" $election -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Whether the pod talks to the API server, and about what. */}}
{{- define "portolan.features" -}}
{{- $features := list -}}
{{- if .Values.customResources.enabled -}}{{- $features = append $features "customResources" -}}{{- end -}}
{{- if gt (int .Values.replicas) 1 -}}{{- $features = append $features "election" -}}{{- end -}}
{{- toJson $features -}}
{{- end -}}

{{- define "portolan.mounts" -}}
- name: config
  mountPath: /etc/portolan/hub.yaml
  subPath: hub.yaml
  readOnly: true
- name: key
  mountPath: /etc/portolan/keys
  readOnly: true
{{- if .Values.api.tlsSecret }}
- name: api-tls
  mountPath: /etc/portolan/api-tls
  readOnly: true
{{- end }}
- name: data
  mountPath: /var/lib/portolan
- name: tmp
  mountPath: /tmp
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "portolan.hubEnv" -}}
{{- if .Values.postgres.urlSecret.name -}}
- name: PORTOLAN_POSTGRES_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.postgres.urlSecret.name }}
      key: {{ .Values.postgres.urlSecret.key }}
{{- end -}}
{{- if gt (int .Values.replicas) 1 }}
{{- $self := ternary "[$(POD_IP)]" "$(POD_IP)" (contains ":" .Values.listenHost) }}
- name: PORTOLAN_ELECTION_IDENTITY
  value: $(POD_NAME)
- name: PORTOLAN_ELECTION_API
  value: https://{{ $self }}:7460
- name: PORTOLAN_ELECTION_JOIN
  value: {{ printf "%s:7461" $self | quote }}
- name: PORTOLAN_ELECTION_LINK
  value: {{ printf "%s:7462" $self | quote }}
{{- end -}}
{{- end -}}
