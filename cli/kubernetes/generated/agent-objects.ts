/** deploy/install-agent.yaml, with a namespace to be replaced. Made by scripts/deploy.ts; not to be edited. */
export const AGENT_OBJECTS: readonly unknown[] = [
  {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
      "name": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/part-of": "portolan",
        "pod-security.kubernetes.io/enforce": "restricted"
      }
    }
  },
  {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {
      "name": "portolan-agent",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "spec": {
      "podSelector": {
        "matchLabels": {
          "app.kubernetes.io/name": "portolan-agent",
          "app.kubernetes.io/instance": "portolan-agent"
        }
      },
      "policyTypes": [
        "Ingress",
        "Egress"
      ],
      "ingress": [
        {
          "ports": [
            {
              "port": "peer"
            },
            {
              "port": "dns-udp",
              "protocol": "UDP"
            },
            {
              "port": "dns-tcp"
            },
            {
              "port": "gateway-443"
            },
            {
              "port": "gateway-80"
            }
          ]
        },
        {
          "ports": [
            {
              "port": "admin"
            }
          ],
          "from": [
            {
              "podSelector": {}
            }
          ]
        }
      ],
      "egress": [
        {
          "to": [
            {
              "ipBlock": {
                "cidr": "0.0.0.0/0",
                "except": [
                  "169.254.0.0/16"
                ]
              }
            },
            {
              "ipBlock": {
                "cidr": "::/0",
                "except": [
                  "fd00:ec2::254/128",
                  "fe80::/10"
                ]
              }
            }
          ]
        },
        {
          "ports": [
            {
              "port": 53,
              "protocol": "UDP"
            },
            {
              "port": 53
            }
          ]
        }
      ]
    }
  },
  {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {
      "name": "portolan-agent",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "spec": {
      "maxUnavailable": 1,
      "unhealthyPodEvictionPolicy": "AlwaysAllow",
      "selector": {
        "matchLabels": {
          "app.kubernetes.io/name": "portolan-agent",
          "app.kubernetes.io/instance": "portolan-agent"
        }
      }
    }
  },
  {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {
      "name": "portolan-agent",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "automountServiceAccountToken": false
  },
  {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
      "name": "portolan-agent",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "data": {
      "agent.yaml": "admin:\n  listen: 0.0.0.0:9464\ndataDir: /var/lib/portolan/agent\ndns:\n  listen:\n  - 0.0.0.0:5353\ngateway:\n  host: 0.0.0.0\n  ports:\n    \"80\": 8080\n    \"443\": 8443\njoinTokenFile: /etc/portolan/join/token\nkubernetes:\n  enabled: true\n  gatewayService: namespace-of-the-agent/portolan-agent-gateway\npeer:\n  listen: 0.0.0.0:7463\n"
    }
  },
  {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {
      "name": "namespace-of-the-agent-portolan-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "rules": [
      {
        "apiGroups": [
          "gateway.networking.k8s.io"
        ],
        "resources": [
          "gatewayclasses",
          "gateways",
          "httproutes",
          "grpcroutes",
          "backendtlspolicies"
        ],
        "verbs": [
          "get",
          "list",
          "watch"
        ]
      },
      {
        "apiGroups": [
          "gateway.networking.k8s.io"
        ],
        "resources": [
          "referencegrants"
        ],
        "verbs": [
          "list",
          "watch"
        ]
      },
      {
        "apiGroups": [
          "gateway.networking.k8s.io"
        ],
        "resources": [
          "gatewayclasses/status",
          "gateways/status"
        ],
        "verbs": [
          "patch"
        ]
      },
      {
        "apiGroups": [
          "gateway.networking.k8s.io"
        ],
        "resources": [
          "httproutes/status",
          "grpcroutes/status",
          "backendtlspolicies/status"
        ],
        "verbs": [
          "update"
        ]
      },
      {
        "apiGroups": [
          "apiextensions.k8s.io"
        ],
        "resourceNames": [
          "gatewayclasses.gateway.networking.k8s.io"
        ],
        "resources": [
          "customresourcedefinitions"
        ],
        "verbs": [
          "get"
        ]
      },
      {
        "apiGroups": [
          ""
        ],
        "resources": [
          "services",
          "namespaces"
        ],
        "verbs": [
          "list",
          "watch"
        ]
      },
      {
        "apiGroups": [
          "discovery.k8s.io"
        ],
        "resources": [
          "endpointslices"
        ],
        "verbs": [
          "list",
          "watch"
        ]
      },
      {
        "apiGroups": [
          "networking.k8s.io"
        ],
        "resources": [
          "ingresses"
        ],
        "verbs": [
          "list",
          "watch"
        ]
      },
      {
        "apiGroups": [
          ""
        ],
        "resources": [
          "nodes"
        ],
        "verbs": [
          "list",
          "watch"
        ]
      },
      {
        "apiGroups": [
          "coordination.k8s.io"
        ],
        "resourceNames": [
          "portolan-agent"
        ],
        "resources": [
          "leases"
        ],
        "verbs": [
          "get"
        ]
      }
    ]
  },
  {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {
      "name": "namespace-of-the-agent-portolan-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "roleRef": {
      "apiGroup": "rbac.authorization.k8s.io",
      "kind": "ClusterRole",
      "name": "namespace-of-the-agent-portolan-agent"
    },
    "subjects": [
      {
        "kind": "ServiceAccount",
        "name": "portolan-agent",
        "namespace": "namespace-of-the-agent"
      }
    ]
  },
  {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {
      "name": "portolan-agent",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "rules": [
      {
        "apiGroups": [
          "coordination.k8s.io"
        ],
        "resourceNames": [
          "portolan-agent"
        ],
        "resources": [
          "leases"
        ],
        "verbs": [
          "get",
          "update"
        ]
      },
      {
        "apiGroups": [
          "coordination.k8s.io"
        ],
        "resources": [
          "leases"
        ],
        "verbs": [
          "create"
        ]
      }
    ]
  },
  {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {
      "name": "portolan-agent",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "roleRef": {
      "apiGroup": "rbac.authorization.k8s.io",
      "kind": "Role",
      "name": "portolan-agent"
    },
    "subjects": [
      {
        "kind": "ServiceAccount",
        "name": "portolan-agent",
        "namespace": "namespace-of-the-agent"
      }
    ]
  },
  {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
      "name": "portolan-agent-metrics",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0",
        "app.kubernetes.io/component": "metrics"
      }
    },
    "spec": {
      "clusterIP": "None",
      "publishNotReadyAddresses": true,
      "selector": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent"
      },
      "ports": [
        {
          "name": "admin",
          "port": 9464,
          "targetPort": "admin"
        }
      ]
    }
  },
  {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
      "name": "portolan-agent-dns",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "spec": {
      "type": "LoadBalancer",
      "externalTrafficPolicy": "Local",
      "selector": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent"
      },
      "ports": [
        {
          "name": "dns-udp",
          "port": 53,
          "targetPort": "dns-udp",
          "protocol": "UDP"
        },
        {
          "name": "dns-tcp",
          "port": 53,
          "targetPort": "dns-tcp"
        }
      ]
    }
  },
  {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
      "name": "portolan-agent-gateway",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "spec": {
      "type": "LoadBalancer",
      "externalTrafficPolicy": "Local",
      "selector": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent"
      },
      "ports": [
        {
          "name": "port-443",
          "port": 443,
          "targetPort": "gateway-443"
        },
        {
          "name": "port-80",
          "port": 80,
          "targetPort": "gateway-80"
        }
      ]
    }
  },
  {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
      "name": "portolan-agent-peer",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "spec": {
      "type": "LoadBalancer",
      "publishNotReadyAddresses": true,
      "selector": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent"
      },
      "ports": [
        {
          "name": "peer",
          "port": 7463,
          "targetPort": "peer"
        }
      ]
    }
  },
  {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {
      "name": "portolan-agent",
      "namespace": "namespace-of-the-agent",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "spec": {
      "replicas": 1,
      "serviceName": "portolan-agent-metrics",
      "selector": {
        "matchLabels": {
          "app.kubernetes.io/name": "portolan-agent",
          "app.kubernetes.io/instance": "portolan-agent"
        }
      },
      "template": {
        "metadata": {
          "labels": {
            "app.kubernetes.io/name": "portolan-agent",
            "app.kubernetes.io/instance": "portolan-agent",
            "app.kubernetes.io/part-of": "portolan",
            "app.kubernetes.io/version": "0.1.0"
          },
          "annotations": {
            "portolan.dev/config": null
          }
        },
        "spec": {
          "terminationGracePeriodSeconds": 30,
          "serviceAccountName": "portolan-agent",
          "automountServiceAccountToken": true,
          "enableServiceLinks": false,
          "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {
              "type": "RuntimeDefault"
            }
          },
          "containers": [
            {
              "name": "agent",
              "image": "registry.example/portolan/agent:0.1.0",
              "imagePullPolicy": "IfNotPresent",
              "args": [
                "--max-semi-space-size=2",
                "/app/dist/agent.mjs",
                "--config",
                "/etc/portolan/agent.yaml"
              ],
              "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {
                  "drop": [
                    "ALL"
                  ]
                }
              },
              "resources": {
                "limits": {
                  "memory": "1Gi"
                },
                "requests": {
                  "cpu": "100m",
                  "memory": "256Mi"
                }
              },
              "env": [
                {
                  "name": "POD_NAME",
                  "valueFrom": {
                    "fieldRef": {
                      "fieldPath": "metadata.name"
                    }
                  }
                },
                {
                  "name": "POD_NAMESPACE",
                  "valueFrom": {
                    "fieldRef": {
                      "fieldPath": "metadata.namespace"
                    }
                  }
                },
                {
                  "name": "POD_IP",
                  "valueFrom": {
                    "fieldRef": {
                      "fieldPath": "status.podIP"
                    }
                  }
                },
                {
                  "name": "NODE_NAME",
                  "valueFrom": {
                    "fieldRef": {
                      "fieldPath": "spec.nodeName"
                    }
                  }
                }
              ],
              "ports": [
                {
                  "name": "admin",
                  "containerPort": 9464
                },
                {
                  "name": "peer",
                  "containerPort": 7463
                },
                {
                  "name": "dns-udp",
                  "containerPort": 5353,
                  "protocol": "UDP"
                },
                {
                  "name": "dns-tcp",
                  "containerPort": 5353
                },
                {
                  "name": "gateway-443",
                  "containerPort": 8443
                },
                {
                  "name": "gateway-80",
                  "containerPort": 8080
                }
              ],
              "startupProbe": {
                "httpGet": {
                  "path": "/healthz",
                  "port": "admin"
                },
                "periodSeconds": 2,
                "failureThreshold": 60
              },
              "livenessProbe": {
                "httpGet": {
                  "path": "/healthz",
                  "port": "admin"
                },
                "periodSeconds": 10,
                "timeoutSeconds": 5,
                "failureThreshold": 6
              },
              "readinessProbe": {
                "httpGet": {
                  "path": "/readyz",
                  "port": "admin"
                },
                "periodSeconds": 5,
                "timeoutSeconds": 3
              },
              "volumeMounts": [
                {
                  "name": "config",
                  "mountPath": "/etc/portolan/agent.yaml",
                  "subPath": "agent.yaml",
                  "readOnly": true
                },
                {
                  "name": "join",
                  "mountPath": "/etc/portolan/join",
                  "readOnly": true
                },
                {
                  "name": "data",
                  "mountPath": "/var/lib/portolan"
                },
                {
                  "name": "tmp",
                  "mountPath": "/tmp"
                }
              ]
            }
          ],
          "volumes": [
            {
              "name": "config",
              "configMap": {
                "name": "portolan-agent"
              }
            },
            {
              "name": "join",
              "secret": {
                "secretName": "portolan-agent-join",
                "defaultMode": 440,
                "optional": true
              }
            },
            {
              "name": "tmp",
              "emptyDir": {
                "sizeLimit": "256Mi"
              }
            }
          ]
        }
      },
      "volumeClaimTemplates": [
        {
          "metadata": {
            "name": "data"
          },
          "spec": {
            "accessModes": [
              "ReadWriteOnce"
            ],
            "resources": {
              "requests": {
                "storage": "1Gi"
              }
            }
          }
        }
      ]
    }
  },
  {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "GatewayClass",
    "metadata": {
      "name": "portolan",
      "labels": {
        "app.kubernetes.io/name": "portolan-agent",
        "app.kubernetes.io/instance": "portolan-agent",
        "app.kubernetes.io/part-of": "portolan",
        "app.kubernetes.io/version": "0.1.0"
      }
    },
    "spec": {
      "controllerName": "portolan.dev/gateway-controller",
      "description": "Portolan's own gateway in this cluster."
    }
  }
];
