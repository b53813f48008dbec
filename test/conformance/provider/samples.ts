/** Sets of every type that people publish, with what is hard to spell alike. `type` besides; one label each. */
export const SAMPLES: readonly {
  readonly label: string;
  readonly type: string;
  readonly values: readonly string[];
}[] = [
  { label: 'a', type: 'A', values: ['192.0.2.9', '192.0.2.10'] },
  { label: 'aaaa', type: 'AAAA', values: ['2001:db8:0:0:1::1', '2001:db8::ffff'] },
  { label: 'cname', type: 'CNAME', values: ['target.example.net.'] },
  { label: 'mx', type: 'MX', values: ['10 mail.example.net.', '20 backup.example.net.'] },
  { label: 'srv', type: 'SRV', values: ['10 60 5060 sip.example.net.'] },
  { label: 'txt', type: 'TXT', values: ['"v=spf1 include:_spf.example.net -all"', '"second"'] },
  { label: 'txt-quotes', type: 'TXT', values: ['"say \\"hi\\"; back\\\\slash"'] },
  { label: 'txt-strings', type: 'TXT', values: ['"one" "two" "with space"'] },
  { label: 'txt-long', type: 'TXT', values: [`"${'k'.repeat(255)}" "${'l'.repeat(120)}"`] },
  { label: 'txt-octets', type: 'TXT', values: ['"gr\\195\\188n"'] },
  { label: 'caa', type: 'CAA', values: ['0 issue "ca.example.net"', '128 issuewild ";"'] },
  { label: 'ns', type: 'NS', values: ['ns1.example.net.', 'ns2.example.net.'] },
  { label: 'ptr', type: 'PTR', values: ['host.example.net.'] },
  {
    label: 'sshfp',
    type: 'SSHFP',
    values: ['4 2 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  },
  {
    label: 'tlsa',
    type: 'TLSA',
    values: ['3 1 1 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  },
  { label: 'naptr', type: 'NAPTR', values: ['100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .'] },
  { label: 'https', type: 'HTTPS', values: ['1 . alpn=h2,h3'] },
  { label: 'svcb', type: 'SVCB', values: ['1 svc.example.net. port=8443'] },
];
