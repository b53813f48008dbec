{{/* agent.yaml: what is in `config`, and what a pod needs. */}}
{{- define "portolan.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $host := .Values.listenHost -}}
{{- $_ := set $config "dataDir" "/var/lib/portolan/agent" -}}
{{- $_ := set $config "joinTokenFile" "/etc/portolan/join/token" -}}
{{- $_ := set $config "admin" (dict "listen" (include "portolan.listen" (dict "host" $host "port" 9464))) -}}
{{- $peer := deepCopy (get $config "peer" | default dict) -}}
{{- $_ := set $peer "listen" (include "portolan.listen" (dict "host" $host "port" 7463)) -}}
{{- $_ := set $config "peer" $peer -}}
{{- $dns := deepCopy (get $config "dns" | default dict) -}}
{{- $_ := set $dns "listen" (list (include "portolan.listen" (dict "host" $host "port" 5353))) -}}
{{- $_ := set $config "dns" $dns -}}
{{- $gateway := deepCopy (get $config "gateway" | default dict) -}}
{{- $_ := set $gateway "host" $host -}}
{{- $_ := set $gateway "ports" .Values.gateway.ports -}}
{{- $_ := set $config "gateway" $gateway -}}
{{- if .Values.kubernetes.enabled -}}
{{- $kubernetes := deepCopy (get $config "kubernetes" | default dict) -}}
{{- $_ := set $kubernetes "enabled" true -}}
{{- if and .Values.gateway.service.enabled (not (get $kubernetes "gatewayService")) -}}
{{- $_ := set $kubernetes "gatewayService" (printf "%s/%s-gateway" .Release.Namespace (include "portolan.name" .)) -}}
{{- end -}}
{{- $_ := set $config "kubernetes" $kubernetes -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* "true" where the name server runs; a witness only votes. */}}
{{- define "portolan.hasDns" -}}
{{- if and (not .Values.config.witness) (ne (toString (dig "dns" "enabled" true .Values.config)) "false") -}}true{{- end -}}
{{- end -}}
{{- define "portolan.hasGateway" -}}
{{- if and (not .Values.config.witness) (ne (toString (dig "gateway" "enabled" true .Values.config)) "false") -}}true{{- end -}}
{{- end -}}
