// Short texts of our own of the kinds that the shipped models know: a fixed measure of what they are worth in the engine.

const stories = `Once upon a time there was a little girl named Mia. Mia had a red kite. Every day she took the kite to the big hill near her
house. One day the wind was very strong. The kite flew up and up, and then the string broke! Mia was sad. She ran after the kite, but
it was too fast.
A boy named Sam saw her cry. "What is wrong?" he asked. "My kite flew away," said Mia. Sam wanted to help. They looked in the park and
they looked by the pond. Then Sam saw something red in a tall tree. "There it is!" he shouted. Sam's dad had a long ladder. He climbed
up and got the kite down. Mia was so happy. She gave Sam a hug and said, "Thank you, Sam." From that day on, Mia and Sam were best
friends, and they played with the kite together.
`;

const novels = `Le vieux capitaine ouvrit la porte et regarda la mer. Il faisait nuit, et le vent soufflait avec tant de force que les arbres du
jardin se courbaient jusqu'à terre. Sa fille dormait dans la chambre voisine ; il ne voulut pas l'éveiller. Il prit sa lanterne, mit son
manteau, et descendit lentement vers le port. Un jeune homme l'attendait au bout du chemin, la tête nue, le visage pâle. « Monsieur,
lui dit-il, votre navire est perdu. » Le capitaine ne répondit rien. Il pensait aux douze hommes qui étaient partis le matin même, et à
la promesse qu'il avait faite à leurs mères. Puis il leva les yeux : une lumière brillait au loin, sur les vagues.
`;

const commands = `tar: pack a folder into a compressed archive
$ tar --create --gzip --file path/to/archive.tar.gz path/to/folder
git push: send the current branch to a remote repository
$ git push origin branch_name
find: find files larger than a given size
$ find path/to/folder -size +10M
docker run: start a container from an image
$ docker run image_name
systemctl: show the status of a service
$ systemctl status unit_name
`;

/** By the folder in models/. */
export const excerpts = {
  "stories-20k": stories,
  "stories-64k": stories,
  "stories-256k": stories,
  "stories-base-944k": stories,
  contes: novels,
  help: commands,
};
