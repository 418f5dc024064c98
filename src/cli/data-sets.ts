/** One file of a data set. */
export interface DataFile {
  /** Relative to the folder of the set, with "/" between the parts. */
  path: string;
  byteCount: number;
  /** Hexadecimal. */
  sha256: string;
  /**
   * Where its bytes are: the first address holds exactly them, the others begin with them. None when no address has
   * them and a folder is the only way to the file.
   */
  addresses: readonly string[];
}

/** How to come by a data set, and on what terms. */
export interface DataSet {
  /** Also of its folder in $ATOME_DATA and in the cache. */
  name: string;
  /** One line: what it is and how it was cut. */
  about: string;
  /** SPDX identifier. */
  licence: string;
  /** Who made it, for the line that must be kept with the data. */
  makers: string;
  /** Page of those who published it. */
  origin: string;
  /** How a file without addresses was made from the origin. */
  madeBy?: string;
  files: readonly DataFile[];
}

type Row = readonly [path: string, byteCount: number, sha256: string];

/** Files as they stand in a git repository, at a commit: the address always gives the same bytes. @param folder ends with "/" */
function inGit(repository: string, commit: string, folder: string, ...rows: Row[]): DataFile[] {
  const base = `https://raw.githubusercontent.com/${repository}/${commit}/${folder}`;
  return rows.map(([path, byteCount, sha256]) => ({ path, byteCount, sha256, addresses: [base + path] }));
}

const tinyStories = {
  licence: "CDLA-Sharing-1.0",
  makers: "TinyStories by Ronen Eldan and Yuanzhi Li",
  origin: "https://huggingface.co/datasets/roneneldan/TinyStories",
};

/** A beginning of a published file, copied into a git repository. @param whole name of the published file */
const beginning = (whole: string, copies: DataFile[]): DataFile[] =>
  copies.map((file) => ({ ...file, addresses: [...file.addresses, `${tinyStories.origin}/resolve/main/${whole}`] }));

const tldrCommit = "08e345f42639f67d99282813247ac670dc6e87cb";

/** The pages of one language; `xz` decides the bytes, so no address has them. */
const tldr = (folder: string, row: Row) => ({
  licence: "CC-BY-4.0",
  makers: "tldr-pages by the tldr-pages team and contributors",
  origin: `https://github.com/tldr-pages/tldr/tree/${tldrCommit}/${folder}`,
  madeBy: `git archive ${tldrCommit} ${folder} | xz -9e`,
  files: [{ path: row[0], byteCount: row[1], sha256: row[2], addresses: [] }],
});

/** The data sets that published figures and tests use. */
export const dataSets: readonly DataSet[] = [
  {
    name: "tinystories-v1-train-2mib",
    about: "TinyStories, version 1, training part: the first 2 MiB",
    ...tinyStories,
    files: beginning(
      "TinyStories-train.txt",
      inGit("gusjengis/toy-RNN", "e4c7ff8bba4ff7989e69a3a816ebe4b14813b41e", "data/", [
        "tinystories_sample.txt",
        2_097_152,
        "5352b299dcb1a32898b2d779b145b5a05f3e1265953fd21c264c9f9f9c9ae33d",
      ]),
    ),
  },
  {
    name: "tinystories-v2-train-10klines",
    about: "TinyStories, version 2 (GPT-4), training part: the first 10,000 lines",
    ...tinyStories,
    files: beginning(
      "TinyStoriesV2-GPT4-train.txt",
      inGit("mines-opt-ml/decoding-gpt", "b7753c9b80f5b19105f2f4833c135adebf62276b", "data/", [
        "tinystories_10k.txt",
        1_424_708,
        "5a19b936d7b53bbdac1eea03230b00161dceca24ae272f5bd8e9dbbc2a883418",
      ]),
    ),
  },
  {
    name: "tinystories-v2-valid-256k",
    about: "TinyStories, version 2 (GPT-4), validation part: the first 256 KiB",
    ...tinyStories,
    files: beginning(
      "TinyStoriesV2-GPT4-valid.txt",
      inGit("TilelliLab/atome-lm", "be1218672e9adb5656c877c2dbf7b05e55d96d10", "data/", [
        "sample.txt",
        262_144,
        "4c8bf5f6562f0fa399fede68bf62d863667309a03c94ca7f148a94e8305110bd",
      ]),
    ),
  },
  {
    name: "eltec-fra-jeunesse",
    about: "11 French novels of the 19th century, for or about children",
    // The texts are in the public domain; the headers of the collection ask for the credit.
    licence: "CC-BY-4.0",
    makers: "French Novel Corpus (ELTeC-fra), edited by Christof Schöch and Lou Burnard",
    origin: "https://doi.org/10.5281/zenodo.4662433",
    files: inGit(
      "COST-ELTeC/ELTeC-fra",
      "83f0a43fdb967cd1db646027a1a237307e4924a1",
      "plain1/",
      ["FRA00701_Carraud.txt", 292_875, "dd0c6588dfd281fde703b4acf5b425970971ccd5bf19ff905b841c9a58628a8a"],
      ["FRA01401_Fleuriot.txt", 206_681, "bcae56bf7d97a454de6cec9f39f8d8724d18d1677fcfec64c16c1628dcea31a1"],
      ["FRA01402_Fleuriot.txt", 211_553, "e2f3b1f252ce0e7cd5a1a5d522d8ce9a346f7df7150d368d94fbfc67da71dc45"],
      ["FRA02201_Gouraud.txt", 266_784, "c87aa5af8a798d26fef4026428158b43fc2411abb7776a21458bc0caf613f132"],
      ["FRA02202_Gouraud.txt", 248_373, "13c0edbdf7a9e5dedda009c9bec0396f868643c59128ee3da3baed6f84421fb0"],
      ["FRA02203_Gouraud.txt", 267_537, "faebc14bc66f9162a56353d7b238028acbdb0b54041bbce8e53c3579be6e8288"],
      ["FRA02601_Malot.txt", 392_792, "bd4aab920a9761c36661eecd6ff7588118b69fe01b27da1f54178740db3a61f6"],
      ["FRA02602_Malot.txt", 697_925, "8328e80e521b084056530895de06d998dce04caf6a395fa2be612fa8b7b17e8e"],
      ["FRA03201_Blandy.txt", 481_204, "fc7b3e3e1bbbd9f35d947776828960cde3932ad86adebe58c66bb2e6163771f0"],
      ["FRA03903_Stolz.txt", 285_581, "4d0945ee902062334650f43873b39d83d81537f08473a3844d63d6bd9295e532"],
      ["FRA04001_Verne.txt", 735_531, "0c349b9f8f2241589738cf337a81e5184f471aeabf347b728fec1e3334251628"],
    ),
  },
  {
    name: "tldr-pages-en",
    about: "7,425 English manual pages in Markdown, one archive",
    ...tldr("pages", ["pages.tar.xz", 966_616, "97c056b036a97f292cb08b75b4ec75f905f6bfc1f14697baab3b09a08e28cb58"]),
  },
  {
    name: "tldr-pages-fr",
    about: "937 French manual pages in Markdown, one archive",
    ...tldr("pages.fr", [
      "pages.fr.tar.xz",
      102_432,
      "c3cdcba2897b0c5a19ee4e8af4505a6301ac8d32d3a7fc867024c7095b6a5954",
    ]),
  },
  {
    name: "clinc150",
    about: "queries of 150 intents and out of scope, with their names, official split",
    licence: "CC-BY-3.0",
    makers: "CLINC150 by Stefan Larson et al. (EMNLP 2019)",
    origin: "https://github.com/clinc/oos-eval",
    files: inGit(
      "clinc/oos-eval",
      "828f8093932c8fe6ca7936c3d2e52903b1c523de",
      "data/",
      ["data_full.json", 2_495_390, "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0"],
      ["domains.json", 3818, "b947b579d3b8e74b06f93b01083d8efaff2888b43a3e362533bd88a6e1211b3a"],
    ),
  },
  {
    name: "snips-goo2018-split",
    about: "queries of 7 intents with slots, in the split of Goo et al. 2018",
    licence: "CC0-1.0",
    makers: "SNIPS by Alice Coucke et al. (2018), split by Chih-Wen Goo et al. (2018)",
    origin: "https://github.com/MiuLab/SlotGated-SLU",
    files: inGit(
      "MiuLab/SlotGated-SLU",
      "61f0307c729b1fad479ef1de94aa5ac5dee601b0",
      "data/snips/",
      ["train/seq.in", 617_079, "04ad1e3f2121d83c6478f9a4b17d2dbdc21d06d6127f73cb7af835ed733f9855"],
      ["train/seq.out", 950_926, "fd5f2121d8055827e5d6b3d3bac30f3d7e94e82a5d437751960cbdd9e1b4f6d3"],
      ["train/label", 184_532, "bfd7df6cf9dd76c5da5d8b61bc85f90386197bdd3d7510c1d324c051537b962f"],
      ["valid/seq.in", 33_629, "64e0f6d8ad8aab3a3828164d7d53731a0993d3ca1aed437ceaca6d3d568d410e"],
      ["valid/seq.out", 50_626, "712e6d34feb8d52d208b820a5f8bae6e6ff990f08374507dfde22de389088319"],
      ["valid/label", 9900, "9c1dd041216f647bcfca838aaf1a48eb5781e4404256d31ff07cd38a5436c52f"],
      ["test/seq.in", 33_121, "c1e341173fcea2951a8ca371956a6f81c76de87b9583c62eb87edd6158fa3a7c"],
      ["test/seq.out", 50_918, "58c07c9097d5e1f78889765c2a535a160f6455b90b3142055c8051847afcca47"],
      ["test/label", 10_120, "37a26da3ad079bb41c42c85a3a8f827eb47efec4c5917ce5d08f4b2736e4f830"],
    ),
  },
  {
    name: "sms-spam",
    about: "5,574 English text messages, ham or spam, below a line of headings",
    licence: "CC-BY-4.0",
    makers: "SMS Spam Collection by Tiago Almeida and José María Gómez Hidalgo (2011)",
    origin: "https://github.com/hamzaaacodes/sms-spam-collection",
    files: inGit("hamzaaacodes/sms-spam-collection", "f3e73e1e74e6330b62d1ee1983bba2a063184c26", "", [
      "SMSSpamCollection",
      477_917,
      "fae7ea7d915ef73903e5c2f46ffa2f4a39909a574e20fda4f2b81f7cb1e15e1f",
    ]),
  },
  {
    name: "occupancy-detection",
    about: "sensors of an office room minute by minute, occupied or not, official split",
    licence: "CC-BY-4.0",
    makers: "Occupancy Detection by Luis Candanedo (2016)",
    origin: "https://doi.org/10.24432/C5X01N",
    files: inGit(
      "LuisM78/Occupancy-detection-data",
      "ba2b1d7b53a71292ff61b867d3e16f0e539c7eb6",
      "",
      ["datatraining.txt", 596_674, "b2c4d0ce2b9e4e453c476f7125ef31aeec2d1f5c7f5572d0e80de3df6521ab56"],
      ["datatest.txt", 200_766, "1b92c7c1b2838963464fa891a610cf3c5db4becb7189189b29b330107a584c7f"],
      ["datatest2.txt", 699_664, "d026d1bd5aeccd4aff4f3b3710d48e40613bd5fc370db7e61bbdcaa50d985095"],
    ),
  },
];
