// DingTalk's types, for the type check of static/: `window.dd` has the one that the library itself declares.

import type library from 'dingtalk-jsapi';

// biz.contact.choose, device.geolocation.get, ...
type Methods<Owner, Path extends string = ''> = {
  [Name in keyof Owner & string]: Owner[Name] extends (...parameters: any[]) => unknown
    ? `${Path}${Name}`
    : Owner[Name] extends object
      ? Methods<Owner[Name], `${Path}${Name}.`>
      : never;
}[keyof Owner & string];

declare global {
  interface Window {
    dd?: typeof library;
  }

  /** What `dd.config` takes, signed by the server for the page's very URL. */
  interface ConfigValues {
    agentId: string;
    corpId: string;
    timeStamp: string;
    nonceStr: string;
    signature: string;
    type: number;
    jsApiList: string[];
  }

  /** A name that `h5.client.call` takes: in its namespace, or as the library has it at its top, such as `scan`. */
  type DingTalkApi =
    | Methods<Pick<typeof library, 'biz' | 'device' | 'runtime' | 'ui' | 'util'>>
    | Exclude<Methods<Omit<typeof library, 'biz' | 'device' | 'runtime' | 'ui' | 'util' | 'env'>>, 'config' | 'ready' | 'error'>;
}
